package web

import "coc-console/handlers"

// Address is a route as tests from outside see it.
type Address struct{ Method, Path string }

// Addresses are all of them.
func Addresses() []Address {
	var all []Address
	for _, r := range routes(&handlers.Handlers{}, NewMetrics()) {
		all = append(all, Address{r.method, r.path})
	}
	return all
}
