// Package older reads the pages of a list of tickets, one after the other and in the background, where a list is
// narrowed by what COC can't filter by. Whoever looks at the same list in the same project shares one reading.
package older
