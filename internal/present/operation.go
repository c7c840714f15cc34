package present

import (
	"cmp"
	"maps"
	"slices"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// Spread counts by region, zone and application what an operation on a batch or
// on the ticket stops. What is the same for all of them is left out.
func Spread(op coc.Operation, now operate.Reading) []templates.Spread {
	if !operate.Stops(op.Type) || op.Type.Scope() == coc.OnInstance {
		return nil
	}
	of := []struct {
		by    string
		value func(coc.Target) string
	}{
		{"region", func(t coc.Target) string { return t.RegionID }},
		{"zone", func(t coc.Target) string { return t.ZoneID }},
		{"application", func(t coc.Target) string { return t.Application }},
	}
	var all []templates.Spread
	for _, dimension := range of {
		counted := map[string]templates.SpreadRow{}
		for _, i := range now.Instances {
			if i.Status.Terminal() {
				continue
			}
			row := counted[dimension.value(i.Target)]
			row.Name = ansi.VisibleLine(dimension.value(i.Target))
			row.Stops++
			if i.Status == coc.InstanceProcessing {
				row.Running++
			}
			counted[dimension.value(i.Target)] = row
		}
		if len(counted) > 1 {
			rows := slices.SortedFunc(maps.Values(counted), func(a, b templates.SpreadRow) int {
				return cmp.Or(cmp.Compare(b.Stops, a.Stops), cmp.Compare(a.Name, b.Name))
			})
			all = append(all, templates.Spread{By: dimension.by, Rows: rows})
		}
	}
	return all
}

// OperationTypes are the wire values of the operations that there are.
func OperationTypes() (list []string) {
	for _, t := range coc.OperationTypes() {
		list = append(list, string(t))
	}
	return list
}
