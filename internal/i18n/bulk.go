package i18n

import (
	"strconv"
	"strings"
)

// Target is a record's target as people say it: that of a bulk operation is kept as "2 × CANCEL_INSTANCE", whatever the
// language. Others stay.
func (t *BulkTexts) Target(operation, target string) string {
	number, of, found := strings.Cut(target, " × ")
	items, err := strconv.Atoi(number)
	if !found || err != nil || of != operation {
		return target
	}
	return t.Name(operation, items)
}
