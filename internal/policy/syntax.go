package policy

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// What Cedar's parser says: where, and what it got there instead of what.
var (
	syntaxPlace = regexp.MustCompile(`(?s)^(?:parser error: )?(?:parse error at )?<input>:(\d+):(\d+)(?: "[^"]*")?: (.*)$`)
	syntaxWants = regexp.MustCompile(`(?s)^exact got (.*) want (.*)$`)
)

// syntaxError is an error of Cedar's parser in words that whoever writes policies understands: with the line, which the
// parser calls a place of its "<input>".
func syntaxError(text []byte, err error) error {
	if !utf8.Valid(text) { // the parser says no place
		before := 0
		for r, n := utf8.DecodeRune(text); r != utf8.RuneError || n != 1; r, n = utf8.DecodeRune(text[before:]) {
			before += n
		}
		return fmt.Errorf("line %d: it has a byte that is not UTF-8", 1+bytes.Count(text[:before], []byte("\n")))
	}
	at := syntaxPlace.FindStringSubmatch(err.Error())
	if at == nil {
		return err
	}
	what := at[3]
	if wants := syntaxWants.FindStringSubmatch(what); wants != nil {
		got := `it has "` + wants[1] + `"`
		if strings.TrimSpace(wants[1]) == "" {
			got = "it ends"
		}
		what = got + ` where "` + wants[2] + `" must be`
	}
	return errors.New("line " + at[1] + ", column " + at[2] + ": " + what)
}
