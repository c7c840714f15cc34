package search

import (
	"time"

	"coc-console/audit/query"
)

// Those who search need not name package query.
type (
	// Query is query.Query.
	Query = query.Query
	// Filter is query.Filter.
	Filter = query.Filter
	// Field is query.Field.
	Field = query.Field
	// Visibility is query.Visibility.
	Visibility = query.Visibility
	// QueryError is query.Error.
	QueryError = query.Error
)

// The fields.
const (
	FieldActor     = query.FieldActor
	FieldTicket    = query.FieldTicket
	FieldOperation = query.FieldOperation
	FieldAction    = query.FieldAction
	FieldOutcome   = query.FieldOutcome
	FieldProject   = query.FieldProject
	FieldIP        = query.FieldIP
	FieldType      = query.FieldType
	FieldText      = query.FieldText
)

// The kinds of errors in queries.
const (
	QueryQualifier = query.KindQualifier
	QueryEmpty     = query.KindEmpty
	QueryValue     = query.KindValue
	QueryTime      = query.KindTime
	QueryTwice     = query.KindTwice
	QueryQuote     = query.KindQuote
	QueryNegated   = query.KindNegated
	QueryWord      = query.KindWord
	QueryOrder     = query.KindOrder
)

// Fields lists those that a qualifier names.
func Fields() []Field { return query.Fields() }

// ParseQuery is query.Parse.
func ParseQuery(text string, zone *time.Location) (Query, error) { return query.Parse(text, zone) }
