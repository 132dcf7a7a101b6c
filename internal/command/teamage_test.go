package command

import "os"

// Scripts that set this in their environment collect what is younger than a day.
func init() {
	if os.Getenv("TEAM_STORE_ANY_AGE") != "" {
		shortestTeamAge = 0
	}
}
