package browser

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coc-console/internal/simulator"
)

// maxPicture is the most that a picture in the documentation may take, in bytes.
const maxPicture = 120 << 10

// TestBrowserScreenshots writes the pictures of the documentation into the folder COC_CONSOLE_TEST_SCREENSHOTS, and with
// COC_CONSOLE_TEST_SCREENSHOTS_ALL set every page in both themes, languages and two widths instead.
func TestBrowserScreenshots(t *testing.T) {
	folder := os.Getenv("COC_CONSOLE_TEST_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir() // that they can be made is tested always
	}
	b := startBrowser(t)
	if os.Getenv("COC_CONSOLE_TEST_SCREENSHOTS_ALL") != "" {
		allPictures(t, b, folder)
		return
	}
	s := startStage(t, simulator.Config{Rules: quick.Rules, Seed: 7})
	english := b.open(t, s.base, look{still: true})
	english.SignIn("operator")
	ticket := "/tickets/" + s.UUID("abnormal")
	picture := func(tb *tab, name string) {
		tb.Eval("document.activeElement?.blur()")
		savePicture(t, filepath.Join(folder, name), tb.Screenshot(false))
	}
	english.Go("/tickets?status=any")
	picture(english, "tickets.png")
	english.Go(ticket)
	picture(english, "ticket.png")
	english.Go(ticket + "/operations/new?operation_type=SKIP_BATCH&batch_index=2")
	picture(english, "confirmation.png")
	english.Type("[name=reason]", "Two hosts are down for repair, see CHG-20417.")
	english.Click("#confirm")
	english.See("#receipt[data-status='operation.observed']")
	english.Go("/audit")
	picture(english, "audit.png")
}

// allPictures is for looking at the pages, not for keeping.
func allPictures(t *testing.T, b *chrome, folder string) {
	t.Helper()
	g := startGallery(t, b)
	for _, language := range []string{"en-US", "zh-CN"} {
		tb := b.open(t, g.base, look{language: language, still: true})
		g.each(tb, func(p shown) {
			for _, dark := range []bool{false, true} {
				tb.Dark(dark)
				for _, width := range []int64{1440, 390} {
					tb.Resize(width, 900)
					name := fmt.Sprintf("%s-%s-%v-%d.png", p.name, language, map[bool]string{true: "dark", false: "light"}[dark], width)
					if err := os.WriteFile(filepath.Join(folder, name), tb.Screenshot(true), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			tb.Resize(1440, 900)
		})
	}
}

// savePicture writes a picture in 256 colours, which is less than half of what the browser gives.
func savePicture(t *testing.T, path string, data []byte) {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	few := image.NewPaletted(full.Bounds(), palette(full))
	draw.Draw(few, few.Bounds(), full, full.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	if out.Len() > maxPicture {
		t.Errorf("%s has %d bytes, more than %d", filepath.Base(path), out.Len(), maxPicture)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// palette is the 256 commonest colours of a picture: pages have few, and shades of them around letters.
func palette(full image.Image) color.Palette {
	count := map[color.RGBA]int{}
	for y := full.Bounds().Min.Y; y < full.Bounds().Max.Y; y++ {
		for x := full.Bounds().Min.X; x < full.Bounds().Max.X; x++ {
			r, g, b, _ := full.At(x, y).RGBA()
			count[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	colours := make([]color.RGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var p color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		p = append(p, c)
	}
	return p
}

// maxFirstPage is a limit of sanity for what a page and all it needs weigh, in bytes over the network.
const maxFirstPage = 60_000

// TestBrowserWeight tells what the first pages weigh.
func TestBrowserWeight(t *testing.T) {
	b := startBrowser(t)
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{})
	tb.Go("/sign-in")
	tb.WaitFor("document.fonts.status === 'loaded'")
	first := tb.Received()
	tb.SignIn("operator")
	afterSignIn := tb.Received()
	tb.Go("/tickets?status=any")
	again := tb.Received() - afterSignIn
	t.Logf("sign-in, nothing cached: %d bytes; then sign-in sent and tickets shown: %d; tickets once more: %d", first, afterSignIn-first, again)
	if first > maxFirstPage || afterSignIn-first > maxFirstPage {
		t.Errorf("the first page has %d bytes, the first tickets %d, more than %d", first, afterSignIn-first, maxFirstPage)
	}
}
