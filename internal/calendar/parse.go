package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/places"
)

// written is a window as its file has it.
type written struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
}

// maxWindows bounds the windows of a file.
const maxWindows = 1000

// file is a calendar as its file has it.
type file struct {
	Zone    string    `json:"zone"`
	Windows []written `json:"windows"`
}

// Parse reads the JSON of a calendar. Its errors name the place, and the window that is wrong.
func Parse(text []byte) (*Calendar, error) {
	var f file
	where, err := places.Decode(text, &f)
	if err != nil {
		return nil, err
	}
	c := &Calendar{}
	c.zone, err = time.LoadLocation(f.Zone)
	switch {
	case f.Zone == "":
		return nil, errors.New(`it has no "zone", such as "Asia/Shanghai"`)
	case err != nil || f.Zone == "Local":
		return nil, where.Wrong(fmt.Errorf("there is no time zone %q; one is Asia/Shanghai", f.Zone), "zone")
	case len(f.Windows) > maxWindows:
		return nil, fmt.Errorf("more than %d windows", maxWindows)
	}
	var wrong []error
	for i, x := range f.Windows {
		w, err := parseWindow(x)
		if err != nil {
			err = fmt.Errorf("window %q: %w", x.Name, err)
			wrong = append(wrong, where.Wrong(err, "windows", strconv.Itoa(i)))
		}
		c.windows, c.names = append(c.windows, w), append(c.names, w.name)
	}
	if len(wrong) > 0 {
		return nil, places.Sorted(wrong)
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	return c, nil
}

// parseWindow reads one window.
func parseWindow(x written) (w window, err error) {
	w.name = x.Name
	if strings.TrimSpace(x.Name) == "" || strings.TrimSpace(x.Name) != x.Name || len(x.Name) > maxName {
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
