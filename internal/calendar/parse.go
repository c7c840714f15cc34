package calendar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// written is a window as its file has it.
type written struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
}

// maxWindows bounds the windows of a file.
const maxWindows = 1000

// Parse reads the JSON of a calendar. Its errors name the line, and the window that is wrong.
func Parse(text []byte) (*Calendar, error) {
	p := parser{text: text, in: json.NewDecoder(bytes.NewReader(text))}
	if err := p.object(); err != nil {
		return nil, err
	}
	if p.c.zone == nil {
		return nil, errors.New(`it has no "zone", such as "Asia/Shanghai"`)
	}
	if len(p.wrong) > 0 {
		return nil, errors.Join(p.wrong...)
	}
	slices.Sort(p.c.names)
	return &Calendar{zone: p.c.zone, windows: p.c.windows, names: slices.Compact(p.c.names)}, nil
}

// parser reads one file from its beginning to its end.
type parser struct {
	text []byte
	in   *json.Decoder
	c    struct {
		zone    *time.Location
		windows []window
		names   []string
	}
	wrong []error // of windows
}

// object reads the whole file.
func (p *parser) object() error {
	var whole json.RawMessage
	if err := json.Unmarshal(p.text, &whole); err != nil {
		line := 1
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			line = p.line(syntax.Offset)
		}
		return fmt.Errorf("line %d: not the JSON of a calendar: %w", line, err)
	}
	if t, err := p.in.Token(); err != nil || t != json.Delim('{') {
		return errors.New(`line 1: not an object with "zone" and "windows"`)
	}
	for p.in.More() {
		name, err := p.in.Token()
		if err != nil {
			return fmt.Errorf("read a name: %w", err)
		}
		line := p.line(p.in.InputOffset())
		switch name {
		case "zone":
			err = p.zone()
		case "windows":
			err = p.windows()
		default:
			err = fmt.Errorf(`%q is neither "zone" nor "windows"`, name)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	return nil
}

// line is the number of the line that has the offset.
func (p *parser) line(offset int64) int {
	return 1 + bytes.Count(p.text[:min(int(offset), len(p.text))], []byte("\n"))
}

func (p *parser) zone() error {
	var name string
	if err := p.in.Decode(&name); err != nil {
		return fmt.Errorf(`"zone" is no text: %w`, err)
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return fmt.Errorf("there is no time zone %q; one is Asia/Shanghai", name)
	}
	p.c.zone = zone
	return nil
}

func (p *parser) windows() error {
	if t, err := p.in.Token(); err != nil || t != json.Delim('[') {
		return errors.New(`"windows" is no list`)
	}
	for p.in.More() {
		var text json.RawMessage
		if err := p.in.Decode(&text); err != nil {
			return fmt.Errorf("read a window: %w", err)
		}
		line := p.line(p.in.InputOffset() - int64(len(text)))
		w, err := parseWindow(text)
		switch {
		case err != nil:
			p.wrong = append(p.wrong, fmt.Errorf("line %d: window %q: %w", line, w.name, err))
		case len(p.c.windows) == maxWindows:
			return fmt.Errorf("more than %d windows", maxWindows)
		default:
			p.c.windows, p.c.names = append(p.c.windows, w), append(p.c.names, w.name)
		}
	}
	if _, err := p.in.Token(); err != nil {
		return fmt.Errorf("read the end of the windows: %w", err)
	}
	return nil
}

// parseWindow reads one window; of one that is wrong it has at least the name.
func parseWindow(text []byte) (w window, err error) {
	var x written
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	err = in.Decode(&x)
	w.name = x.Name
	switch {
	case err != nil:
		return w, fmt.Errorf(`it has "name", "from" and "to": %w`, err)
	case strings.TrimSpace(x.Name) == "" || strings.TrimSpace(x.Name) != x.Name || len(x.Name) > maxName:
		return w, fmt.Errorf("its name is empty, has blanks around it, or more than %d bytes", maxName)
	}
	from, fromWeekly, err := parseWall(x.From)
	if err != nil {
		return w, fmt.Errorf("from: %w", err)
	}
	to, toWeekly, err := parseWall(x.To)
	if err != nil {
		return w, fmt.Errorf("to: %w", err)
	}
	w.weekly, w.from, w.to = fromWeekly, from, to
	switch {
	case fromWeekly != toWeekly:
		return w, errors.New("from and to are both of a week, such as Fri 16:00, or both of a date")
	case fromWeekly && from == to:
		return w, errors.New("it begins when it ends")
	case !fromWeekly && !from.on(from.date, time.UTC).Before(to.on(to.date, time.UTC)):
		return w, errors.New("it does not end after it begins")
	}
	return w, nil
}

// maxName bounds a window's name.
const maxName = 64

// parseWall reads a time such as Fri 16:00 or 2026-12-18 16:00.
func parseWall(text string) (w wall, weekly bool, err error) {
	wrong := fmt.Errorf("%q is no time such as Fri 16:00 or 2026-12-18 16:00", text)
	day, clock, _ := strings.Cut(text, " ")
	at, err := time.Parse("15:04", clock)
	if err != nil || len(clock) != len("15:04") {
		return w, false, wrong
	}
	w.hour, w.minute = at.Hour(), at.Minute()
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := d.String(); strings.EqualFold(day, name) || strings.EqualFold(day, name[:3]) {
			w.day = d
			return w, true, nil
		}
	}
	if w.date, err = time.Parse(time.DateOnly, day); err != nil {
		return w, false, wrong
	}
	return w, false, nil
}
