package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
	switch err := decoder.Decode(into); {
	case errors.Is(err, io.EOF):
		return errors.New(path + " is empty")
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
