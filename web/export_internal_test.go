package web

import (
	"net/http"

	"coc-console/handlers"
)

// PostRoutes are the addresses that take forms.
func PostRoutes() (all []string) {
	for _, r := range routes(&handlers.Handlers{}, NewMetrics()) {
		if r.method == http.MethodPost {
			all = append(all, r.path)
		}
	}
	return all
}
