// Slim rewrites what templ generates in the current folder, for a smaller and faster program. It runs after templ, from go
// generate. The functions that it calls are in templates/write.go.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// pattern is one of lines of generated code: V stands for a variable of templ's, and failed for leaving with an error.
func pattern(lines string) *regexp.Regexp {
	lines = strings.ReplaceAll(lines, "V_", `templ_\w+_`)
	lines = strings.ReplaceAll(lines, "failed", "\t+if templ_\\w+_Err != nil \\{\n\t+return templ_\\w+_Err\n\t+\\}\n")
	return regexp.MustCompile(lines)
}

const markup = `("(?:[^"\\]|\\.)*")`

var rules = []struct {
	from *regexp.Regexp
	to   string
}{
	// No component is copied into those that use it.
	{pattern(`(?m)^func .*\) templ\.Component \{\n\treturn templruntime\.GeneratedTemplate`), "//go:noinline\n$0"},

	// What every component begins with.
	{pattern(`templruntime\.GeneratedTemplate\(func\(V_Input templruntime\.GeneratedComponentInput\) \((V_Err) error\) \{
\t+V_W, ctx := V_Input\.Writer, V_Input\.Context
(?:\t+if V_CtxErr := ctx\.Err\(\); V_CtxErr != nil \{
\t+return V_CtxErr
\t+\}
)?\t+(V_Buffer), V_IsBuffer := templruntime\.GetBuffer\(V_W\)
\t+if !V_IsBuffer \{
\t+defer func\(\) \{
\t+V_BufErr := templruntime\.ReleaseBuffer\(V_Buffer\)
\t+if V_Err == nil \{
\t+V_Err = V_BufErr
\t+\}
\t+\}\(\)
\t+\}
\t+ctx = templ\.InitializeContext\(ctx\)
`), "component(func(ctx ctxt, $2 *templruntime.Buffer, _ templ.Component) ($1 error) {\n"},
	{pattern(`_ (templ\.Component\) \(V_Err error\) \{\n)\t+(V_Var\d+) := templ\.GetChildren\(ctx\)
\t+if V_Var\d+ == nil \{
\t+V_Var\d+ = templ\.NopComponent
\t+\}
\t+ctx = templ\.ClearChildren\(ctx\)
`), "$2 $1"},

	// A text, or an address that the template vouches for, and then with the markup before it.
	{pattern(`(?s)\t+var V_Var\d+ (?:string|templ\.SafeURL)
(\t+)V_Var\d+, (V_Err) = templ\.(?:JoinStringErrs\(|JoinURLErrs\((templ\.SafeURL\())(.*?)\)
\t+if V_Err != nil \{
\t+return templ\.Error\{[^\n]*\}
\t+\}
\t+_, V_Err = (V_Buffer)\.WriteString\(templ\.EscapeString\(V_Var\d+\)\)
`), "${1}$2 = write($5, \"\", $3$4)\n"},
	{pattern(`V_Err = templruntime\.WriteString\(V_Buffer, \d+, ` + markup + `\)
failed\t+(V_Err = write\(V_Buffer, )"", `), "$2$1, "},

	// The buffer keeps its first error until its end, so nobody has to look after each text.
	{pattern(`(?s)V_Err = (write\(V_Buffer, .*?\)
)failed`), "$1"},

	// A component, with the markup before it.
	{pattern(`V_Err = templruntime\.WriteString\(V_Buffer, \d+, ` + markup + `\)
failed\t+(V_Err) = (.*)\.Render\(ctx, (V_Buffer)\)
`), "$2 = place(ctx, $4, $1, $3)\n"},
	{pattern(`V_Err = templruntime\.WriteString\((V_Buffer), \d+, ` + markup + `\)
failed`), "$1.WriteString($2)\n"},
}

func main() {
	files, err := filepath.Glob("*_templ.go")
	for _, name := range files {
		if err == nil {
			err = slim(name)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func slim(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for _, r := range rules {
		data = r.from.ReplaceAll(data, []byte(r.to))
	}
	return os.WriteFile(name, data, 0o644)
}
