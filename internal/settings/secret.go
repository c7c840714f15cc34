package settings

import (
	"net/url"
	"strings"
)

const hidden = "xxxxx"

// HidePassword hides the password of a database's address.
func HidePassword(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" && u.Path == "" {
		return hidden
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(name, "pass") {
			query.Set(name, hidden)
		}
	}
	u.RawQuery = query.Encode()
	return u.Redacted()
}

// HideKeys hides what an address may hold of keys: all but its host.
func HideKeys(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return hidden
	}
	shown := u.Scheme + "://" + u.Host
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		shown += "/" + hidden
	}
	return shown
}
