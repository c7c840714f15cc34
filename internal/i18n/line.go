package i18n

import "fmt"

// LineTexts are those of a record's page and of timelines: what belongs together, on one line of time.
type LineTexts struct {
	By                           string // between what was done and who did it
	This, Fields, Evidence       string
	Rule                         string // before a policy's name
	ApprovedBy                   func(who string) string
	Of                           func(sequence, size int64) string
	Record, Records, Hash        string
	Checkpoint, Proof, Anchors   string
	Range                        func(n int, first, last int64) string
	Size                         func(n int64) string // of a checkpoint, before the time when it was signed
	Hashes                       func(n int) string
	Pending                      string // no checkpoint covers it yet
	Verified, Unverified, Failed string
	BundleText, BundleOfAll      string
	BundleOfTicket               string
	Checks                       Words // what a command shows: hash, bundle
	Integrity, Incident, Receipt string
	OfTicket, OfBulk             string
	Times                        func(n int64) string
	Stops                        func(n int) string
}

// Line are the texts of records and timelines.
var Line = newPage("Line", &LineTexts{
	By: " by ", This: "this record", Fields: "Fields", Evidence: "Evidence",
	Rule:       "Policy",
	ApprovedBy: func(who string) string { return "Approved by " + who },
	Of:         func(sequence, size int64) string { return thousands(sequence) + " of " + thousands(size) },
	Record:     "Record", Records: "Records", Hash: "Hash", Checkpoint: "Checkpoint", Proof: "Proof", Anchors: "Anchors",
	Range: func(n int, first, last int64) string {
		if first == last {
			return thousands(first)
		}
		return fmt.Sprintf("%s, numbers %s to %s", thousands(int64(n)), thousands(first), thousands(last))
	},
	Size:     func(n int64) string { return countEN(int(n), "record", "records") + ", signed" },
	Hashes:   func(n int) string { return countEN(n, "hash", "hashes") },
	Pending:  "Not signed yet",
	Verified: "Verified", Unverified: "Not verified yet", Failed: "The log was changed",
	BundleText:     "The record, its proof and the signed checkpoint. Anyone can verify it offline.",
	BundleOfAll:    "These records, their proofs and the signed checkpoint. Anyone can verify it offline.",
	BundleOfTicket: "All records of the ticket, their proofs and the signed checkpoint. Anyone can verify it offline.",
	Checks:         Words{"hash": "The bytes have the hash above:", "bundle": "The bundle is whole and signed:"},
	Integrity:      "How the log is verified", Incident: "Incident report of this", Receipt: "Receipt",
	OfTicket: "Everything recorded about ticket", OfBulk: "Everything recorded about bulk operation",
	Times: func(n int64) string { return thousands(n) + " times" },
	Stops: func(n int) string { return "Stops " + countEN(n, "instance", "instances") },
}, &LineTexts{
	By: "，操作人：", This: "本条记录", Fields: "字段", Evidence: "证据",
	Rule:       "策略",
	ApprovedBy: func(who string) string { return "由 " + who + " 批准" },
	Of: func(sequence, size int64) string {
		return "第 " + thousands(sequence) + " 条，共 " + thousands(size) + " 条"
	},
	Record: "记录", Records: "记录", Hash: "哈希", Checkpoint: "检查点", Proof: "证明", Anchors: "锚点",
	Range: func(n int, first, last int64) string {
		if first == last {
			return thousands(first)
		}
		return fmt.Sprintf("%s 条，编号 %s 至 %s", thousands(int64(n)), thousands(first), thousands(last))
	},
	Size:     func(n int64) string { return thousands(n) + " 条记录，签名于" },
	Hashes:   func(n int) string { return fmt.Sprintf("%d 个哈希", n) },
	Pending:  "尚未签名",
	Verified: "已校验", Unverified: "尚未校验", Failed: "日志被改动",
	BundleText:     "本条记录、其证明和已签名的检查点，任何人都可离线校验。",
	BundleOfAll:    "这些记录、其证明和已签名的检查点，任何人都可离线校验。",
	BundleOfTicket: "该工单的全部记录、其证明和已签名的检查点，任何人都可离线校验。",
	Checks:         Words{"hash": "原始字节与上方哈希一致：", "bundle": "证据包完整且已签名："},
	Integrity:      "日志的校验情况", Incident: "生成事件报告", Receipt: "回执",
	OfTicket: "该工单的全部记录：", OfBulk: "该批量操作的全部记录：",
	Times: func(n int64) string { return thousands(n) + " 次" },
	Stops: func(n int) string { return fmt.Sprintf("停止 %d 个实例", n) },
})
