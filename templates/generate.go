package templates

//go:generate go tool -modfile=../tools/templ/go.mod templ generate
//go:generate go run ../tools/templ/slim.go
