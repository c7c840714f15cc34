package i18n

// CompanyTexts are those of signing in with the company's account.
type CompanyTexts struct {
	Button, Intro, Or                           string // on the sign-in page
	ButtonOf                                    func(provider string) string
	Ended                                       string // the provider no longer vouches for a session
	Leaving, LeavingText, Continue, SignedOut   string // the page on the way to the provider
	Groups                                      string // of a record's person
	FromProvider, FromIAM                       string // whose words they are
	Unreachable, Misconfigured, Refused         string
	WrongAnswer, OtherIssuer                    string // the provider's address answers, with something else
	OtherBrowser, Replayed, BadToken, Unscoped  string
	Expired, NotTaken, Unknown, NoRule, Project string // IAM's refusals
	Clock                                       func(begins, ends, now string) string
}

// Company are the texts of signing in with the company's account.
var Company = newPage("Company", &CompanyTexts{
	ButtonOf: func(provider string) string { return "Sign in with " + provider },
	Ended:    "You're signed out: your company's provider, or IAM, didn't renew your sign-in. Nothing is lost: sign in again to go on. If that fails, ask the provider's administrator.",
	Button:   "Sign in with the company's account", Or: "or with an IAM user",
	Intro:   "You sign in at your company's provider. The console never sees your password.",
	Leaving: "Going to your company's provider", LeavingText: "Your company's sign-in page opens in a moment.",
	Continue: "Continue", SignedOut: "You're signed out of the console. Your company's provider ends its session next.",
	Groups:       "Groups at the company",
	FromProvider: "Response from the provider", FromIAM: "Response from IAM",
	Unreachable:   "You aren't signed in: the company's provider doesn't answer, or fails. Try again in a minute, or sign in with an IAM user.",
	WrongAnswer:   "You aren't signed in: the address of the company's provider answers, but not as an OpenID Connect provider does. Ask your console administrator to compare the issuer in the console's settings with the provider's, and to look for a proxy in between (coc-console check). You can sign in with an IAM user.",
	OtherIssuer:   "You aren't signed in: the company's provider calls itself by another issuer than the console's settings do. Ask your console administrator to set the issuer exactly as the provider has it (--oidc-issuer). You can sign in with an IAM user.",
	Misconfigured: "You aren't signed in: the console and the company's provider don't fit together. Tell your console administrator what the provider says.",
	Refused:       "You aren't signed in: you cancelled at the company's provider, or it refused. Try again, or ask the provider's administrator to give you this application.",
	OtherBrowser:  "You aren't signed in: this sign-in began in another browser, or more than 15 minutes ago. Start again.",
	Replayed:      "You aren't signed in: this answer of the provider belongs to another sign-in, or was used before. Start again.",
	BadToken:      "You aren't signed in: the provider's ID token isn't valid for this console. Tell your console administrator what is wrong with it.",
	Unscoped:      "You aren't signed in: IAM gave a token without a project, which can't be used. Ask your administrator to give your IAM group permissions in the project.",
	Expired:       "You aren't signed in: IAM says that the ID token has expired. Start again; if it happens again, compare the provider's clock with the real time.",
	NotTaken:      "You aren't signed in: IAM doesn't accept the provider's ID token. Your administrator compares issuer, client ID and signing keys of the identity provider in IAM with those of the company's provider.",
	Unknown:       "You aren't signed in: IAM knows no identity provider of that name. Your administrator compares --oidc-idp with the name in IAM.",
	NoRule:        "You aren't signed in: IAM has no permission for you. Ask your administrator for a conversion rule that puts you in a group.",
	Project:       "You aren't signed in: you can't use this project. Enter another one.",
	Clock: func(begins, ends, now string) string {
		return "You aren't signed in: the ID token counts from " + begins + " to " + ends + ", and this console's clock says " + now + ". Correct the clock of the console or of the provider."
	},
}, &CompanyTexts{
	ButtonOf: func(provider string) string { return "使用“" + provider + "”登录" },
	Ended:    "您已退出登录：企业的身份提供商或 IAM 未续期您的登录。数据没有丢失，重新登录即可继续。如仍然失败，请联系身份提供商的管理员。",
	Button:   "使用企业账号登录", Or: "或使用 IAM 用户登录",
	Intro:   "您将在企业的身份提供商处登录，控制台不会看到您的密码。",
	Leaving: "正在前往企业登录页面", LeavingText: "即将打开企业的登录页面。",
	Continue: "继续", SignedOut: "您已退出控制台，接下来企业身份提供商将结束其会话。",
	Groups:       "企业用户组",
	FromProvider: "身份提供商的响应", FromIAM: "IAM 的响应",
	Unreachable:   "未登录：企业的身份提供商没有响应或出现故障。请一分钟后重试，或使用 IAM 用户登录。",
	WrongAnswer:   "未登录：企业身份提供商的地址有响应，但不是 OpenID Connect 的响应。请控制台管理员核对控制台设置中的颁发者，并检查中间是否有代理（coc-console check）。您可以使用 IAM 用户登录。",
	OtherIssuer:   "未登录：企业的身份提供商自称的颁发者与控制台设置中的不同。请控制台管理员将颁发者设为与身份提供商完全一致（--oidc-issuer）。您可以使用 IAM 用户登录。",
	Misconfigured: "未登录：控制台与企业的身份提供商配置不一致。请将其响应告知控制台管理员。",
	Refused:       "未登录：您在企业的身份提供商处取消了登录，或登录被其拒绝。请重试，或请其管理员为您开通此应用。",
	OtherBrowser:  "未登录：此次登录是在另一个浏览器中发起的，或已超过 15 分钟。请重新开始。",
	Replayed:      "未登录：身份提供商的这个响应属于另一次登录，或已使用过。请重新开始。",
	BadToken:      "未登录：身份提供商的 ID 令牌对此控制台无效。请将原因告知控制台管理员。",
	Unscoped:      "未登录：IAM 签发的令牌不属于任何项目，无法使用。请管理员为您的 IAM 用户组授予该项目的权限。",
	Expired:       "未登录：IAM 表示 ID 令牌已过期。请重新开始；如再次出现，请核对身份提供商的时钟。",
	NotTaken:      "未登录：IAM 不接受身份提供商的 ID 令牌。请管理员核对 IAM 中身份提供商的颁发者、客户端 ID 和签名密钥。",
	Unknown:       "未登录：IAM 中没有该名称的身份提供商。请管理员核对 --oidc-idp 与 IAM 中的名称。",
	NoRule:        "未登录：您在 IAM 中没有权限。请管理员添加身份转换规则，将您加入用户组。",
	Project:       "未登录：您无权使用该项目。请输入其他项目。",
	Clock: func(begins, ends, now string) string {
		return "未登录：ID 令牌的有效时间为 " + begins + " 至 " + ends + "，而控制台的时钟为 " + now + "。请校正控制台或身份提供商的时钟。"
	},
})
