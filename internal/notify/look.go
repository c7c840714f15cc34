package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
)

// Look lists tickets in the name of the console's own user.
type Look struct {
	Service     *iam.Service
	Client      *coc.Client
	Project     string // its name
	UserProfile string // sent to COC as x-user-profile
}

// maxAttention is how many tickets are listed, the newest first.
const maxAttention = 100

// Read fits Config.Attention.
func (l Look) Read(ctx context.Context) (found Attention, err error) {
	var refused []huawei.Credential
	for range 2 { // a token may have been revoked since the last look
		id, token, err := l.Service.Home(ctx, l.Project, func(t huawei.Credential) bool {
			return slices.ContainsFunc(refused, t.Is)
		})
		if err != nil {
			return found, err
		}
		page, err := l.Client.ListTickets(ctx, coc.Caller{Credential: token, Language: coc.EnUS, ProjectID: id.ProjectID,
			UserProfile: l.UserProfile}, coc.TicketQuery{Limit: maxAttention, Status: coc.TicketAbnormal})
		if e, ok := errors.AsType[*coc.Error](err); ok && e.Status == http.StatusUnauthorized && len(refused) == 0 {
			refused = append(refused, token)
			continue
		}
		if err != nil {
			return found, fmt.Errorf("list tickets that need attention: %w", err)
		}
		found = Attention{Account: id.AccountName, All: page.Total <= int64(len(page.Tickets))}
		for _, t := range page.Tickets {
			if t.Status.Failed() && !t.Over() {
				found.Tickets = append(found.Tickets, AttentionTicket{ID: string(t.ExecuteUUID), Name: t.Name,
					Creator: t.Creator})
			}
		}
		break
	}
	return found, nil
}
