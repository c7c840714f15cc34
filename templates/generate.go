package templates

//go:generate go tool -modfile=../tools/templ/go.mod templ generate
