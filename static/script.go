package static

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/js"
)

// Our modules say on lines of their own what they import, from their own folder, and which of their functions and
// constants others may use. Nothing else is understood, and nothing else is needed.
var (
	imports = regexp.MustCompile(`^import \{ ([\w, ]+) \} from "\./([\w.]+)";\n$`)
	exports = regexp.MustCompile(`^export ((?:async )?(?:function|const) (\w+)(?s:.*))$`)
)

// join makes one script of the entry and of all that it imports, each in a scope of its own and behind what it imports:
// one request in place of a chain of them, and less to send, since it is compressed as a whole.
func join(sources map[string][]byte) ([]byte, error) {
	j := joiner{sources: sources, state: map[string]bool{}}
	j.out.WriteString("(() => {\n")
	if err := j.add(entry); err != nil {
		return nil, err
	}
	j.out.WriteString("})();\n")
	return j.out.Bytes(), nil
}

// A joiner is a script in the making. The state of a module is false while what it imports is being added, then true.
type joiner struct {
	sources map[string][]byte
	state   map[string]bool
	out     bytes.Buffer
}

func (j *joiner) add(name string) error {
	source, found := j.sources[name]
	done, begun := j.state[name]
	switch {
	case done:
		return nil
	case begun:
		return fmt.Errorf("%s imports itself", name)
	case !found:
		return fmt.Errorf("there is no module %s", name)
	}
	j.state[name] = false
	body, given, err := j.read(name, source)
	if err != nil {
		return err
	}
	j.state[name] = true
	_, err = fmt.Fprintf(&j.out, "const %s = (() => {\n%sreturn { %s };\n})();\n", scope(path.Base(name)), body, strings.Join(given, ", "))
	return err
}

// read adds what a module imports, and gives its text as part of a function, with the names that it exports.
func (j *joiner) read(name string, source []byte) (body []byte, given []string, err error) {
	if bytes.Contains(source, []byte("import(")) {
		return nil, nil, fmt.Errorf("%s imports something only later", name)
	}
	for line := range bytes.Lines(source) {
		if !bytes.HasPrefix(line, []byte("import")) && !bytes.HasPrefix(line, []byte("export")) {
			body = append(body, line...)
		} else if m := imports.FindSubmatch(line); m != nil {
			err = j.add(path.Join(path.Dir(name), string(m[2])))
			body = fmt.Appendf(body, "const { %s } = %s;\n", strings.ReplaceAll(string(m[1]), " as ", ": "),
				scope(string(m[2])))
		} else if m := exports.FindSubmatch(line); m != nil {
			given = append(given, string(m[2]))
			body = append(body, m[1]...)
		} else {
			err = fmt.Errorf("%s: not understood: %s", name, line)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return body, given, nil
}

// scope names what a module gives.
func scope(base string) string { return "$" + strings.TrimSuffix(base, ".js") }

// minifier holds no state between texts.
var minifier = func() *minify.M {
	m := minify.New()
	m.AddFunc(".js", js.Minify)
	return m
}()

var (
	// patterns are constants that take things apart. The minifier gathers constants and puts these first, also before
	// what they read or what has to happen before; as variables they stay where they are.
	patterns = regexp.MustCompile(`(?m)^(\s*)const ([\[{])`)
	// remarks are comments of style sheets.
	remarks = regexp.MustCompile(`(?s)/\*.*?\*/\s*`)
)

// small gives a script or a style sheet without what only its readers need: comments and, in scripts, white space and
// long names. Other files stay as they are.
func small(name string, data []byte) ([]byte, error) {
	switch path.Ext(name) {
	case ".css":
		return remarks.ReplaceAll(data, nil), nil
	case ".js":
		// A copy, since the minifier writes into what it reads.
		out, err := minifier.Bytes(".js", patterns.ReplaceAll(data, []byte("${1}let $2")))
		if err != nil {
			return nil, fmt.Errorf("minify %s: %w", name, err)
		}
		return out, nil
	}
	return data, nil
}
