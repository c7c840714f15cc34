package ansi

import (
	"strconv"
	"strings"
)

// paint changes a style ("select graphic rendition"). Backgrounds, and what
// would hide text, are not followed.
func paint(style Style, parameters string) Style {
	codes := strings.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' })
	if len(codes) == 0 {
		return Style{}
	}
	for len(codes) > 0 {
		code, err := strconv.Atoi(codes[0])
		if err != nil {
			return style
		}
		codes = codes[1:]
		if code == 38 || code == 48 {
			var colour int
			if colour, codes = extended(codes); code == 38 && colour > 0 {
				style.Colour = colour
			}
			continue
		}
		style = simple(style, code)
	}
	return style
}

// simple changes a style by one code.
func simple(style Style, code int) Style {
	switch {
	case code == 0:
		return Style{}
	case code == 1, code == 22:
		style.Bold = code == 1
	case code >= 30 && code <= 37:
		style.Colour = code - 30 + 1
	case code >= 90 && code <= 97:
		style.Colour = code - 90 + 9
	case code == 39:
		style.Colour = 0
	}
	return style
}

// extended reads a colour of 256 or of 16 million, and gives the nearest of
// the 16, counted from 1; 0 when it is none.
func extended(codes []string) (colour int, rest []string) {
	if len(codes) >= 2 && codes[0] == "5" {
		n, err := strconv.Atoi(codes[1])
		if err != nil || n < 0 || n > 255 {
			return 0, codes[2:]
		}
		return indexed(n), codes[2:]
	}
	if len(codes) >= 4 && codes[0] == "2" {
		var c [3]int
		for i := range c {
			n, err := strconv.Atoi(codes[1+i])
			if err != nil || n < 0 || n > 255 {
				return 0, codes[4:]
			}
			c[i] = n
		}
		return nearest(c), codes[4:]
	}
	return 0, nil
}

// indexed is the nearest of the 16 to a colour of the 256: the 16 themselves,
// a cube of 6×6×6, and greys.
func indexed(n int) int {
	switch {
	case n < 16:
		return n + 1
	case n >= 232:
		grey := 8 + 10*(n-232)
		return nearest([3]int{grey, grey, grey})
	}
	level := func(n int) int {
		if n == 0 {
			return 0
		}
		return 55 + 40*n
	}
	n -= 16
	return nearest([3]int{level(n / 36), level(n / 6 % 6), level(n % 6)})
}

// palette is the 16 colours as xterm has them.
var palette = [16][3]int{
	{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
	{127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255}, {255, 255, 255},
}

// nearest is the colour of the 16 that is nearest, counted from 1.
func nearest(c [3]int) int {
	best, least := 0, 1<<30
	for i, p := range palette {
		distance := 0
		for j := range c {
			distance += (c[j] - p[j]) * (c[j] - p[j])
		}
		if distance < least {
			best, least = i+1, distance
		}
	}
	return best
}
