// Package places reads files of settings in JSON strictly, and knows on which
// line of them something is.
package places

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is a JSON text that was read.
type Text struct {
	text   []byte
	at     map[string]int64 // offsets, by path; of an object's members those of their names
	values []value
}

// value is where the value of a path begins.
type value struct {
	at   int64
	path []string
}

// Error is what is wrong with a text at one place of it.
type Error struct {
	Line, Column int // from 1; the column counts characters
	Err          error
}

func (e *Error) Error() string { return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Decode reads a text into a value, as encoding/json does, and refuses names
// that the value doesn't know, names that come twice, and what follows it. Its
// errors say where.
func Decode(text []byte, into any) (*Text, error) {
	t := &Text{text: text, at: map[string]int64{}}
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return t, t.syntax(err)
	}
	w := walk{Text: t, in: json.NewDecoder(bytes.NewReader(text))}
	w.in.UseNumber()
	if err := w.value(nil, reflect.TypeOf(into)); err != nil {
		return t, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return t, t.kind(err)
	}
	return t, nil
}

// Wrong says where the value of a path is that an error is about, or what it
// would be a part of. Of a path that has nothing in the text it says no place.
func (t *Text) Wrong(err error, path ...string) error {
	if t == nil || err == nil {
		return err
	}
	for ; len(path) > 0; path = path[:len(path)-1] {
		if offset, known := t.at[key(path)]; known {
			return t.wrong(offset, err)
		}
	}
	return err
}

func (t *Text) wrong(offset int64, err error) error {
	before := t.text[:min(max(int(offset), 0), len(t.text))]
	return &Error{1 + bytes.Count(before, []byte("\n")),
		1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):]), err}
}

// Sorted joins errors in the order of their places.
func Sorted(all []error) error {
	slices.SortStableFunc(all, func(a, b error) int {
		one, _ := errors.AsType[*Error](a)
		other, _ := errors.AsType[*Error](b)
		if one == nil || other == nil {
			return 0
		}
		return cmp.Or(one.Line-other.Line, one.Column-other.Column)
	})
	return errors.Join(all...)
}

// syntax says in words what is no JSON.
func (t *Text) syntax(err error) error {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case !ok:
		return err
	case len(bytes.TrimSpace(t.text)) == 0:
		return errors.New("it is empty")
	case int(syntax.Offset) >= len(t.text) && strings.HasPrefix(syntax.Error(), "unexpected end"):
		return t.wrong(syntax.Offset, errors.New("not JSON: it ends too early"))
	case strings.Contains(syntax.Error(), "after top-level value"):
		return t.wrong(syntax.Offset-1, errors.New("something follows the JSON"))
	}
	return t.wrong(syntax.Offset-1, fmt.Errorf("not JSON: %w", syntax)) // it is behind what is wrong
}

// kind says in words that something is of another kind than it must be.
func (t *Text) kind(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	begun := slices.IndexFunc(t.values, func(v value) bool { return v.at >= wrong.Offset })
	if begun < 0 {
		begun = len(t.values)
	}
	v, name := t.values[max(begun-1, 0)], "it"
	if len(v.path) > 0 {
		name = strconv.Quote(strings.Join(v.path, "."))
	}
	return t.wrong(v.at, fmt.Errorf("%s is %s, and must be %s", name, kindOfJSON(wrong.Value), kindOf(wrong.Type)))
}

func kindOfJSON(value string) string {
	switch word, _, _ := strings.Cut(value, " "); word {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	default:
		return "a number"
	}
}

func kindOf(of reflect.Type) string {
	switch of.Kind() {
	case reflect.Pointer:
		return kindOf(of.Elem())
	case reflect.Slice:
		return "a list of " + strings.TrimPrefix(strings.TrimPrefix(kindOf(of.Elem()), "a "), "an ") + "s"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	default:
		return "a whole number"
	}
}

// walk goes through a text that is JSON, beside the type that it is read into.
type walk struct {
	*Text
	in *json.Decoder
}

// next is the next token and where it begins.
func (w *walk) next() (json.Token, int64, error) {
	at := w.in.InputOffset()
	for int(at) < len(w.text) && strings.IndexByte(" \t\r\n,:", w.text[at]) >= 0 {
		at++
	}
	token, err := w.in.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // it was JSON
	}
	return token, at, err
}

func (w *walk) value(path []string, of reflect.Type) error {
	token, at, err := w.next()
	if err != nil {
		return w.wrong(at, err)
	}
	w.at[key(path)] = at
	w.values = append(w.values, value{at, path})
	for of != nil && of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch token {
	case json.Delim('{'):
		return w.object(path, of)
	case json.Delim('['):
		var elem reflect.Type
		if of != nil && of.Kind() == reflect.Slice {
			elem = of.Elem()
		}
		for i := 0; w.in.More(); i++ {
			if err := w.value(append(slices.Clip(path), strconv.Itoa(i)), elem); err != nil {
				return err
			}
		}
		_, _, err = w.next()
	}
	return err
}

func (w *walk) object(path []string, of reflect.Type) error {
	seen := map[string]int64{}
	for w.in.More() {
		token, at, err := w.next()
		if err != nil {
			return w.wrong(at, err)
		}
		name, _ := token.(string)
		as, elem, known := member(of, name)
		if !known {
			return w.wrong(at, fmt.Errorf("unknown field %q: there are %s", name, strings.Join(fields(of), ", ")))
		}
		if first, twice := seen[as]; twice {
			before, _ := errors.AsType[*Error](w.wrong(first, nil))
			return w.wrong(at, fmt.Errorf("%q is there twice, first on line %d", name, before.Line))
		}
		seen[as] = at
		below := append(slices.Clip(path), as)
		if err := w.value(below, elem); err != nil {
			return err
		}
		w.at[key(below)] = at // where its name is
	}
	_, _, err := w.next()
	return err
}

// member is what an object's member is read into: its name there and its type.
func member(of reflect.Type, name string) (as string, elem reflect.Type, known bool) {
	switch {
	case of == nil || of.Kind() != reflect.Struct && of.Kind() != reflect.Map:
		return name, nil, true // of another kind: that is told later
	case of.Kind() == reflect.Map:
		return name, of.Elem(), true
	}
	for f := range of.Fields() {
		if tag := tagOf(f); tag != "" && strings.EqualFold(tag, name) { // as encoding/json compares
			return tag, f.Type, true
		}
	}
	return name, nil, false
}

func fields(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		if tag := tagOf(f); tag != "" {
			names = append(names, tag)
		}
	}
	return names
}

func tagOf(f reflect.StructField) string {
	tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if !f.IsExported() || tag == "-" {
		return ""
	}
	return tag
}

func key(path []string) string { return strings.Join(path, "\x00") }
