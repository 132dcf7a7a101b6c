package access

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrSpent says that somebody has used up a budget for now.
var ErrSpent = errors.New("the budget is spent")

// Bounds of a budget: of its number, which takes eight bytes for each user, and of
// its time.
const (
	budgetMost  = 100_000
	budgetShort = time.Second
	budgetLong  = 31 * 24 * time.Hour
)

// Budget bounds how often each user may do something in any stretch of time of a
// certain length. Its memory is bounded by how many users did so in twice that time.
type Budget struct {
	most   int
	within time.Duration
	text   string

	mu    sync.Mutex
	users map[uint32]*account
	swept time.Time
}

// account is what one user has spent.
type account struct {
	spent []time.Duration // the last times, since origin: a ring once there are Budget.most
	next  int             // the oldest of the ring
	told  time.Duration   // when a refusal was last news; before all times if never
}

// origin is what times are counted from: it takes a third of the memory of a
// time.Time, and keeps to the monotonic clock.
var origin = time.Now()

// NewBudget returns a budget of which nothing is spent.
func NewBudget(most int, within time.Duration) *Budget {
	return &Budget{most: most, within: within, text: fmt.Sprintf("%d/%s", most, within), users: make(map[uint32]*account), swept: origin}
}

// ParseBudget reads a budget such as 500/10m or 2000/1d.
func ParseBudget(text string) (*Budget, error) {
	number, length, _ := strings.Cut(text, "/")
	most, err := strconv.Atoi(number)
	if err != nil || most < 1 || most > budgetMost {
		return nil, fmt.Errorf("%q is not a number from 1 to %d", number, budgetMost)
	}
	within, err := time.ParseDuration(length)
	if days, ok := strings.CutSuffix(length, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 8)
		within = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || within < budgetShort || within > budgetLong {
		return nil, fmt.Errorf("%q is not a time from 1s to 31d", length)
	}
	b := NewBudget(most, within)
	b.text = text
	return b, nil
}

// String is the budget as it was given to ParseBudget.
func (b *Budget) String() string { return b.text }

// Spend takes one from a user's budget, unless it is spent: then ok is false, and
// news says that this was not so already within the last stretch of time. What is
// refused does not count.
func (b *Budget) Spend(uid uint32, at time.Time) (ok, news bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := at.Sub(origin)
	a := b.users[uid]
	if a == nil {
		b.sweepLocked(at)
		a = &account{told: now - b.within}
		b.users[uid] = a
	}
	switch {
	case len(a.spent) < b.most:
		a.spent = append(a.spent, now)
	case now-a.spent[a.next] < b.within:
		if news = now-a.told >= b.within; news {
			a.told = now
		}
		return false, news
	default:
		a.spent[a.next] = now
		a.next = (a.next + 1) % b.most
	}
	return true, false
}

// sweepLocked forgets users of whom nothing counts any more, once in a stretch of time.
func (b *Budget) sweepLocked(at time.Time) {
	if at.Sub(b.swept) < b.within {
		return
	}
	b.swept = at
	for uid, a := range b.users {
		newest := a.spent[(a.next+len(a.spent)-1)%len(a.spent)]
		if at.Sub(origin)-newest >= b.within {
			delete(b.users, uid)
		}
	}
}
