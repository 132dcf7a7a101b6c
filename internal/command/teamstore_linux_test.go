package command_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/internal/bucket/buckettest"
)

// TestTeamStore runs the scripts about a team's store with a shared folder, and those about folders.
func TestTeamStore(t *testing.T) {
	requireFUSE(t)
	runTeam(t, "folder", func(env *testscript.Env) error {
		dir := filepath.Join(env.WorkDir, "share")
		env.Setenv("STORE", "file://"+dir)
		env.Setenv("STORE_DIR", dir)
		return os.Mkdir(dir, 0o700)
	})
}

// TestTeamStoreOnObjectStorage runs them with a real server of object storage,
// and those about buckets.
func TestTeamStoreOnObjectStorage(t *testing.T) {
	requireFUSE(t)
	g := buckettest.NewGateway(t, false)
	runTeam(t, "bucket", func(env *testscript.Env) error {
		prefix := filepath.Base(env.WorkDir) // one for each script
		env.Setenv("STORE", "s3://"+buckettest.BucketName+"/"+prefix)
		env.Setenv("STORE_DIR", filepath.Join(g.Dir, prefix))
		env.Setenv("ENDPOINT", g.URL)
		env.Setenv("PROFILE_ENDPOINT", g.URL)
		env.Setenv("VERIFFS_TEAM_STORE_ENDPOINT", g.URL)
		env.Setenv("VERIFFS_TEAM_STORE_PATH_STYLE", "true")
		for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
			env.Setenv(name, os.Getenv(name))
		}
		return nil
	})
}

// runTeam runs the scripts about any store, and those about this kind of it.
func runTeam(t *testing.T, store string, setUp func(*testscript.Env) error) {
	t.Helper()
	var files []string
	for _, dir := range []string{"testdata/team", filepath.Join("testdata", store)} {
		scripts, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
		if err != nil || len(scripts) == 0 {
			t.Fatalf("no scripts in %s: %v", dir, err)
		}
		files = append(files, scripts...)
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			if err := newState(env); err != nil {
				return err
			}
			env.Setenv("VERIFFS_TEAM_STORE_PATIENCE", "1m") // or a busy machine asks the API as well
			return setUp(env)
		},
		Cmds: scriptCommands,
		Condition: func(name string) (bool, error) {
			if name == "s3" {
				return store == "bucket", nil
			}
			return condition(name)
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
