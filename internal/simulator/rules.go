package simulator

import "time"

// Rules are the choices that nobody outside the vendor knows
// (docs/coc-api.md sections 6.2 and 8.2). The zero value is the default model.
type Rules struct {
	// EffectDelay is the time between acceptance of an operation and its
	// effect; 0 = 1.5 s, negative = none.
	EffectDelay time.Duration `json:"effect_delay"`
	// ScheduleDelay is how long a new ticket stays READY; 0 = 1 s, negative = not at all.
	ScheduleDelay time.Duration `json:"schedule_delay"`

	ThresholdPerOrder      bool `json:"threshold_per_order"`       // success_rate counts all batches so far, not the batch alone
	StopEarly              bool `json:"stop_early"`                // ABNORMAL as soon as success_rate is out of reach
	IgnoreCanceled         bool `json:"ignore_canceled"`           // cancelled instances do not count against success_rate
	PauseAfterBatch        bool `json:"pause_after_batch"`         // PAUSE_ORDER finishes the running batch first
	SkipWhileProcessing    bool `json:"skip_while_processing"`     // SKIP_BATCH stops the running batch
	NoContinueFromAbnormal bool `json:"no_continue_from_abnormal"` // CONTINUE_ORDER needs a paused ticket
	RowsDatedByTicket      bool `json:"rows_dated_by_ticket"`      // gmt_created of instances is that of the ticket
	OtherInstanceID        bool `json:"other_instance_id"`         // instance_id is a number that no answer shows; row ids are refused
	QuotedNumbers          bool `json:"quoted_numbers"`            // "1" is accepted where 1 is meant
	ProjectTokensOnly      bool `json:"project_tokens_only"`       // COC refuses tokens of account scope
	NoKeyLock              bool `json:"no_key_lock"`               // failed signatures do not lock an access key
	NumericEnterprise      bool `json:"numeric_enterprise"`        // enterprise_project_id is a number in the list of scripts, as in the example
	PasscodeByID           bool `json:"passcode_by_id"`            // a passcode counts only beside the user's id; a name is not enough
	NoRescope              bool `json:"no_rescope"`                // a token gets no other one for another project
	UnsignedIAM            bool `json:"unsigned_iam"`              // IAM takes no signature in the place of a token
	ErrorForAbnormal       bool `json:"error_for_abnormal"`        // tickets that have failed are called ERROR, as on European pages
	RollBack               bool `json:"roll_back"`                 // what fails is rolled back: instances and the ticket end ROLLBACKED
	RefuseOffline          bool `json:"refuse_offline"`            // nothing is executed on a server whose agent is offline: COC.00040702
}

func (r Rules) effectDelay() time.Duration   { return delay(r.EffectDelay, 1500*time.Millisecond) }
func (r Rules) scheduleDelay() time.Duration { return delay(r.ScheduleDelay, time.Second) }

func delay(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return max(0, d)
}
