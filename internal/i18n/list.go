package i18n

// ListTexts are those of the live list of tickets.
type ListTexts struct {
	Title          func(count int64, heading string) string // of the document, with so many decisions
	Decisions      string
	DecisionsOf    func(count int64, atLeast bool) string
	DecisionsShown func(shown int) string
	AllOf          func(state string) string
	Scope          string
	Scopes         Words // all, mine, team
	EmptyScope     Words // mine, team, and alone: a team of nobody
	OfRead         func(shown, read int, total int64) string
	NoFigures      string
	Failed         func(instances int32) string
	Unread         func(tickets int, since string) string
	MarkSeen       string
	WhatIsVisit    string
	Visit          string
	New            string
	Was            func(state string) string
	MoreFailed     func(instances int32) string
	Saved, Save    string
	SaveName       string
	Delete         func(name string) string
}
