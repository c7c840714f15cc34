// Package simulator stands in for Huawei Cloud IAM and for the script service
// tickets of Huawei Cloud COC, both on one address over plain HTTP. The
// console runs on it when no endpoints are configured, and the tests use it as
// their upstream. It shares no code with the clients, so that a wrong reading
// of the API cannot cancel itself out. Facts and their certainty are in
// docs/coc-api.md; comments cite its sections.
//
// # Time
//
// There are no goroutines and no timers. Every ticket is a state machine
// (machine.go) that is brought up to Config.Now at the start of every call, so
// a stepped clock in a test replays hours in no time, and the same seed and
// clock give the same run.
//
// # Inferred choices
//
// The vendor documents no state transitions. What is assumed, and the switch
// in Rules that changes it, if there is one:
//
//   - An operation takes effect 1.5 s after it was accepted (EffectDelay). It
//     is judged when it arrives; if the ticket has moved on by then it has no
//     effect at all, silently.
//   - A batch has succeeded when FINISHED / total of the batch reaches
//     success_rate (ThresholdPerOrder, IgnoreCanceled), judged at the end of
//     the batch (StopEarly).
//   - PAUSE_ORDER lets running scripts end, and starts nothing more
//     (PauseAfterBatch: the whole batch is finished first). If the batch ends
//     badly meanwhile the ticket becomes ABNORMAL; if it was the last, and ends
//     well, FINISHED.
//   - CONTINUE_ORDER works from ABNORMAL too (NoContinueFromAbnormal): failed
//     instances stay as they are, the next batch starts.
//   - SKIP_BATCH needs a paused or abnormal ticket (SkipWhileProcessing). It
//     takes the current batch, or the next one between two batches.
//   - instance_id is the id of the instance's row (OtherInstanceID).
//   - Rows are dated by the start of their batch (RowsDatedByTicket).
//   - Tokens of account scope are accepted (ProjectTokensOnly), quoted numbers
//     are not (QuotedNumbers).
//
// # Invented
//
// Nobody outside knows these; a client must not rely on them: the codes and
// texts for an operation that the state does not allow, and for an unknown
// batch or instance (COC.00040701); the text of an agent that is offline; the
// IAM messages about locked accounts, passcodes and unknown projects; the codes
// of statuses 405, 415 and of a foreign project (APIGW.0310); the default page
// size of the list (10) and its refusal of a limit above 100; exact matching of
// creator and substring matching of name_like; one set of tickets for all
// projects.
//
// # Not simulated
//
// Signed requests (AK/SK), script definitions, the resource inventory and
// rate limits, other than through Inject.
package simulator
