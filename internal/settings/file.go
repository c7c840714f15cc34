package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// File is a file of settings, by keys such as listen and audit.format.
type File struct {
	values map[string]fileValue
}

type fileValue struct {
	at    string // file and line
	texts []string
}

// ReadFile reads a file. A key that none of the sets knows is an error, so that
// a slip does not go unseen.
func ReadFile(path string, all []*Set) (File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	values, err := parseFile(path, text, known(all))
	return File{values}, err
}

// known are the settings of all commands; true: it can have several values.
func known(all []*Set) map[string]bool {
	known := map[string]bool{}
	for _, s := range all {
		s.Each(func(f *pflag.Flag, key string) {
			_, several := f.Value.(*list)
			known[key] = known[key] || several
		})
	}
	return known
}

// ofTOML is how a line of TOML begins: a key and its value, or a table alone in its line.
var ofTOML = regexp.MustCompile(`^\s*(?:[\w."-]+\s*=|\[\[?[\w."-]+\]\]?\s*(?:#.*)?$)`)

// lineOfTOML reports that the first line which says something is one of TOML: YAML would take it for a text or a list.
func lineOfTOML(text []byte) (number int, is bool) {
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return number, ofTOML.Match(line)
		}
	}
	return number, false
}

func parseFile(path string, text []byte, known map[string]bool) (map[string]fileValue, error) {
	if line, is := lineOfTOML(text); is {
		return nil, fmt.Errorf("%s:%d: this is TOML, and the file is YAML: write listen: 127.0.0.1:8080 where TOML has "+
			`listen = "127.0.0.1:8080"`, path, line)
	}
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil // an empty file
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it has more than one document", path)
	}
	f := fileReader{path: path, known: known, values: map[string]fileValue{}}
	return f.values, f.mapping(document.Content[0], "")
}

// fileReader collects the values of a file.
type fileReader struct {
	path   string
	known  map[string]bool
	values map[string]fileValue
}

func (r *fileReader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.path, n.Line) }

func (r *fileReader) mapping(n *yaml.Node, group string) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: this is not a list of settings such as listen: 127.0.0.1:8080", r.at(n))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		k := key(group, name.Value)
		several, known := r.known[k]
		switch {
		case !known && group == "" && value.Kind == yaml.MappingNode && r.isGroup(k):
			if err := r.mapping(value, k); err != nil {
				return err
			}
			continue
		case !known:
			return r.unknown(name, k)
		case len(r.values[k].texts) > 0:
			return fmt.Errorf("%s: %s is already set in %s", r.at(name), k, r.values[k].at)
		}
		texts, err := textsOf(value, several)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", r.at(name), k, err)
		}
		r.values[k] = fileValue{r.at(name), texts}
	}
	return nil
}

func (r *fileReader) isGroup(name string) bool {
	for k := range r.known {
		if len(k) > len(name) && k[:len(name)+1] == name+"." {
			return true
		}
	}
	return false
}

func (r *fileReader) unknown(name *yaml.Node, k string) error {
	var known []string
	for other := range r.known {
		known = append(known, other)
	}
	slices.Sort(known)
	text := fmt.Sprintf("%s: there is no setting %q", r.at(name), k)
	if meant := Closest(k, known); meant != "" {
		text += fmt.Sprintf("; did you mean %q?", meant)
	}
	return errors.New(text)
}

// textsOf are the values as flags take them.
func textsOf(n *yaml.Node, several bool) ([]string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, errNoValue
	case n.Kind == yaml.ScalarNode:
		return []string{n.Value}, nil
	case n.Kind != yaml.SequenceNode || !several:
		return nil, errors.New("it has one value")
	}
	var texts []string
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, errors.New("it is a list of texts")
		}
		texts = append(texts, item.Value)
	}
	if len(texts) == 0 {
		return nil, errNoValue
	}
	return texts, nil
}

var errNoValue = errors.New("it has no value")
