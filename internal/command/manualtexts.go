package command

// What the manual says beside the help. A test runs the command lines of the examples
// past the definitions of the commands.

// manualVariables are variables that set no option. They belong to the commands that
// have the flag.
var manualVariables = []struct{ name, flag, about string }{
	{secretVariable, flagSecretFile, "the shared secret, or several: the first signs, all verify"},
	{"CREDENTIALS_DIRECTORY", flagSecretFile, "set by systemd; veriff-shared-secret in it has the shared secret"},
	{"HTTPS_PROXY, NO_PROXY", flagAPIURL, "the proxy to the API, and what is reached without one"},
	{"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE …", flagTeamStore, "credentials for an s3:// store, as in all programs with the AWS SDK"},
	{"VERIFFS_ALLOW_DEBUGGER", flagSecretFile, "if set, other programs of the same user may read the memory of this one"},
}

// manualPlaces goes with manualFiles.
const manualPlaces = "These are the places on Linux, where XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_RUNTIME_DIR " +
	"name others. On macOS they are ~/Library/Caches/veriffs and ~/Library/Application Support/veriffs."

// manualFile belongs to the commands that have one of the flags.
type manualFile struct {
	name  string
	flags []string
	about string
}

var manualFiles = []manualFile{
	{"~/.config/veriffs/veriffs.toml", []string{flagProfile}, "the profiles; veriffs login writes it"},
	{"~/.local/share/veriffs/sessions.txt", []string{flagSessions}, "the sessions file used when none is named"},
	{"~/.cache/veriffs/ACCOUNT", []string{flagCacheDir}, "the encrypted cache of an account; other users can't enter it"},
	{"~/.local/share/veriffs/installation.key", []string{flagInstallationKey, flagReceipt, "sign-key"}, "the key of this installation, which signs its access log, receipts and exports"},
	{"/run/user/UID/veriffs/PID.sock", []string{flagMount, flagBackground}, "the control socket of a running mount"},
}

// manualRelated are the commands to read about next, by command.
var manualRelated = map[string][]string{
	"mount":         {"unmount", "status", "warm", "login", "doctor", "purge"},
	"unmount":       {"mount", "status"},
	"sessions":      {"mount", "webhook"},
	"webhook":       {"mount", "sessions"},
	"status":        {"mount", "doctor", "retention"},
	"warm":          {"mount", "pin", "team"},
	"pin":           {"unpin", "evict", "hold"},
	"unpin":         {"pin", "evict"},
	"evict":         {"pin", "purge"},
	"purge":         {"hold", "evict", "log", "team"},
	"hold":          {"retention", "purge", "pin"},
	"retention":     {"hold", "status"},
	"team":          {"mount", "warm", "purge"},
	"log":           {"mount", "verify"},
	"export":        {"verify", "contact-sheet", "log"},
	"contact-sheet": {"export"},
	"verify":        {"export", "log"},
	"login":         {"profile", "config", "mount"},
	"profile":       {"login", "config"},
	"config":        {"login", "doctor", "mount"},
	"doctor":        {"config", "status", "mount"},
	"demo":          {"mount"},
	"man":           {"completion"},
	"completion":    {"man"},
}

type example struct{ does, line string }

const exampleID = "9a042d5f-8b8e-43ec-903f-e56e4948bbfb"

// manualExamples belong to commands, by their path.
var manualExamples = map[string][]example{
	"": {
		{"Look around without an account:", "veriffs demo"},
		{"Store the credentials, mount, and unmount:", "veriffs login\nveriffs mount --background ~/veriff\nveriffs unmount ~/veriff"},
	},
	"mount": {
		{"Show the sessions of an export of the Customer Portal, until Ctrl-C:", "veriffs mount --sessions cases.csv ~/veriff"},
		{"Go on in the background, and keep the log:", "veriffs mount --background --log-file ~/veriff.log ~/veriff"},
		{"Record who opens what, and open nothing that can't be recorded:", "veriffs mount --access-log /var/log/veriffs/ --access-log-mode required ~/veriff"},
		{"Share fetched files with a team:", "veriffs mount --team-store s3://media/emea ~/veriff"},
	},
	"unmount":         {{"End a mount, even if it is in use:", "veriffs unmount ~/veriff"}},
	"sessions":        {{"Add a session to the sessions file:", "veriffs sessions add " + exampleID}},
	"sessions add":    {{"Add what another program lists:", "list-cases | veriffs sessions add -"}},
	"sessions remove": {{"Show a session no longer:", "veriffs sessions remove " + exampleID}},
	"sessions list":   {{"Count the sessions:", "veriffs sessions list | wc -l"}},
	"webhook":         {{"Receive webhooks behind a proxy on this machine:", "veriffs webhook --listen 127.0.0.1:8787 --sessions cases.txt"}},
	"status": {
		{"Look at all mounts:", "veriffs status"},
		{"Get a number for a script:", "veriffs status --json ~/veriff | jq .mounts[0].cache.bytes"},
	},
	"warm": {
		{"Fetch documents and faces, and no videos:", "veriffs warm --sessions cases.csv --contexts 'document-*,face' --no-video"},
		{"Put into the team store what the cache has:", "veriffs warm --team"},
	},
	"pin":          {{"Keep a session in the cache, by the path that you see:", "veriffs pin --fetch ~/veriff/by-context/" + exampleID}},
	"unpin":        {{"Let it go again:", "veriffs unpin " + exampleID}},
	"evict":        {{"Make room:", "veriffs evict " + exampleID}},
	"purge":        {{"Erase a session here, prove it, and then have Veriff delete it:", "veriffs purge --session " + exampleID + " --receipt receipt.json --at-veriff --yes"}},
	"hold":         {{"Keep a session for a claim:", "veriffs hold add " + exampleID + " --reason 'claim 4711' --until 2031-12-31"}},
	"hold add":     {{"Keep a session for a claim:", "veriffs hold add " + exampleID + " --reason 'claim 4711' --until 2031-12-31"}},
	"hold list":    {{"List the holds for a program:", "veriffs hold list --json"}},
	"hold release": {{"End a hold:", "veriffs hold release " + exampleID + " --reason 'claim 4711 closed'"}},
	"retention":    {{"See when a session goes:", "veriffs retention " + exampleID}},
	"team":         {{"See how much is in the team store:", "veriffs team status --team-store s3://media/emea"}},
	"team status":  {{"See what there is of some sessions:", "veriffs team status --sessions cases.csv"}},
	"team gc":      {{"Remove what was fetched more than 400 days ago:", "veriffs team gc --team-store-max-age 400d --yes"}},
	"log": {
		{"See who opened files of a session in the last week:", "veriffs log show --session " + exampleID + " --since 7d"},
		{"Find out whether the log was changed:", "veriffs log verify"},
	},
	"log show": {
		{"See who opened files of a session in the last week:", "veriffs log show --session " + exampleID + " --since 7d"},
		{"Hand failed opens to a collector of security events:", "veriffs log show --op open --failed --ocsf"},
	},
	"log verify": {{"Check the log against the checkpoints that an anchor kept:", "veriffs log verify --checkpoint checkpoints.txt"}},
	"log prove":  {{"Write the records of a session for an auditor, who checks them with the key that log key prints:", "veriffs log prove --session " + exampleID + " --output proof.json\nveriffs log verify --key KEY proof.json"}},
	"log erase":  {{"Erase the records that name a session:", "veriffs log erase --session " + exampleID + " --reason 'request 17' --yes"}},
	"log key":    {{"Keep the key elsewhere:", "veriffs log key > /srv/keys/veriffs"}},
	"export": {
		{"Write a case as a folder, and check it:", "veriffs export " + exampleID + " case\nveriffs verify case"},
		{"Write it encrypted, with the time stamp of an authority:", "veriffs export --encrypt-to age1… --timestamp https://tsa.example.com " + exampleID + " case.zip.age"},
	},
	"contact-sheet": {{"Look at a session on one page:", "veriffs contact-sheet --output case.html " + exampleID}},
	"verify": {
		{"Check a bag, and who signed it:", "veriffs verify --signer exporter.pub case.zip"},
		{"Check everything in the cache:", "veriffs verify --cache"},
	},
	"login":          {{"Store a second integration:", "veriffs login --profile emea\nveriffs mount --profile emea ~/veriff-emea"}},
	"profile":        {{"List the profiles:", "veriffs profile list"}},
	"profile list":   {{"List the profiles for a program:", "veriffs profile list --json"}},
	"profile remove": {{"Remove a profile:", "veriffs profile remove emea"}},
	"config":         {{"See where each setting comes from:", "veriffs config show"}},
	"config show":    {{"See what a mount of a profile would use:", "veriffs config show --profile emea"}},
	"doctor": {
		{"Look at everything that a mount depends on:", "veriffs doctor"},
		{"Write a bundle for support:", "veriffs doctor --bundle support.zip"},
	},
	"demo":    {{"See the tour and end:", "veriffs demo --exit"}},
	"version": {{"Print the version:", "veriffs version"}},
	"man": {
		{"Read the page of a command that is not installed:", "veriffs man log show | man -l -"},
		{"Write all pages:", "veriffs man --dir man1"},
	},
	"completion": {{"Complete in this bash:", "source <(veriffs completion bash)"}},
}
