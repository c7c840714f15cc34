package settings

import (
	"bytes"
	"fmt"
	"os"

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
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
