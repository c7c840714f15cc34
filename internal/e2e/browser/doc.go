// Package browser tests the pages in a real browser.
package browser
