package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadYAML reads a file of a shape of its own, whose fields have tags yaml. A field that the shape doesn't know is an
// error, which names the file and the line.
func ReadYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	switch err := decoder.Decode(into); {
	case errors.Is(err, io.EOF):
		return errors.New(path + " is empty")
	case err != nil:
		return fmt.Errorf("%s: %s", path, plainYAML(err))
	case !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF):
		return errors.New(path + ": it has more than one document")
	}
	return nil
}

// What the parser says of Go's types.
var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type .+`)
	wrongKind    = regexp.MustCompile("cannot unmarshal (\\S+)( `.*`)? into .+")
	yamlKinds    = map[string]string{"!!seq": "a list", "!!map": "an object", "!!str": "a text", "!!int": "a number",
		"!!bool": "true or false"}
)

// plainYAML says in words what the parser of YAML says.
func plainYAML(err error) string {
	wrong, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	lines := make([]string, len(wrong.Errors))
	for i, line := range wrong.Errors {
		line = unknownField.ReplaceAllString(line, `there is no field "$1"`)
		lines[i] = wrongKind.ReplaceAllStringFunc(line, func(said string) string {
			parts := wrongKind.FindStringSubmatch(said)
			kind, known := yamlKinds[parts[1]]
			if !known {
				kind = parts[1]
			}
			return kind + strings.ReplaceAll(parts[2], "`", `"`) + " cannot be here"
		})
	}
	return strings.Join(lines, "; ")
}

// LinesOf are the lines on which the items of a list at the top of a file begin.
func LinesOf(path, list string) (lines []int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var in map[string]yaml.Node
	if err := yaml.Unmarshal(text, &in); err != nil {
		return nil
	}
	for _, item := range in[list].Content {
		lines = append(lines, item.Line)
	}
	return lines
}
