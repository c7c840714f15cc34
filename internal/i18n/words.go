package i18n

// Words maps wire values to what people call them.
type Words map[string]string

// Of returns the word for a wire value. A value that has none, because COC
// knows more than this console, is its own word.
func (w Words) Of(wire string) string {
	if word, ok := w[wire]; ok {
		return word
	}
	return wire
}

// WordTexts are the words for wire values (docs/coc-api.md section 7) and for
// the log's.
type WordTexts struct {
	TicketStatus   Words
	InstanceStatus Words
	BatchState     Words // coc.BatchState
	Rotation       Words
	Operation      Words // operation_type
	Refusal        Words // operate.Refusal: why an operation does not fit
	Action         Words // audit.Action, and its groups such as "operation."
	Outcome        Words // audit.Outcome
	Note           Words // operate.Note: what happened and what to do
	Aspect         Words // operate.Aspect
	Field          Words // names of form fields
	Detail         Words // names inside a record's detail
	Finding        Words // verify.Finding: what is wrong with the log
}
