// Package simulator stands in for Huawei Cloud IAM and for the script service
// tickets of Huawei Cloud COC, both on one address over plain HTTP. The
// console runs on it when no endpoints are configured, and the tests use it as
// their upstream. It shares no code with the clients, so that a wrong reading
// of the API cannot cancel itself out. Facts and their certainty are in
// docs/coc-api.md; comments cite its sections. README.md lists every call with
// its facts and tests, every switch, every fault and everything invented.
//
// Package scripts has what the console never calls: script definitions,
// execution and the inventory. Package signing verifies signed requests.
//
// # Use
//
// New builds a Simulator of a Config; Handler serves IAM under /v3, COC under
// /v1 and a company's OpenID Connect provider under /idp, AdminHandler steers
// it. A Config comes from Go or from a scenario
// file (ParseScenario, ExampleScenario). Calls counts, Inject disturbs, Revoke
// ends tokens.
//
// # Time
//
// There are no goroutines and no timers, other than those by which a Fault
// delays an answer. Every ticket is a state machine (machine.go) that is
// brought up to the present when somebody looks at it, so a stepped Clock
// replays hours in no time, and the same seed, clock and calls give the same
// run. A Crowd is built only where somebody looks.
//
// # Credentials
//
// Tokens (token.go) carry what they mean and keep no state. Requests signed
// with SDK-HMAC-SHA256 (package signing) are accepted beside them. Dates of signatures
// and the lock of a key after failures go by real time, since clients know no
// other.
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
//   - Failed signatures lock an access key, as the gateway's guide says
//     (NoKeyLock).
//   - enterprise_project_id is a string, as declared (NumericEnterprise: the
//     number of the vendor's example).
//   - A passcode counts beside the user's name as well (PasscodeByID).
//   - A script fails on a server whose agent is offline (RefuseOffline: the
//     execution is refused).
//
// # Invented
//
// Nobody outside knows these; a client must not rely on them: the codes and
// texts for an operation that the state does not allow, and for an unknown
// batch or instance (COC.00040701); the text of an agent that is offline; the
// IAM messages about locked accounts, passcodes, unknown projects and ID tokens; the codes
// of statuses 405, 415, of a foreign project (APIGW.0310) and of a foreign
// account (APIGW.0302); the text of an expired security token; that a token
// counts before a signature; the default page size of the list (10) and its
// refusal of a limit above 100; exact matching of creator and substring
// matching of name_like; one set of tickets for all projects; who may approve
// a script; which commands are risky; the public scripts; what a script does on
// a server.
//
// # Not simulated
//
// Rate limits, other than through faults.
package simulator
