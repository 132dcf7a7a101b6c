# fish completion of veriffs, made by: veriffs completion fish
# It asks the veriffs on the PATH, whatever path was typed: pressing Tab runs nothing else.
function __veriffs_complete
	set -l words (commandline -opc)
	set -e words[1]
	set -l word (commandline -ct)
	set -l lines (command veriffs __complete -- $words "$word" 2>/dev/null)
	set -l kind $lines[1]
	set -e lines[1]
	string join \n -- $lines
	set -l option (string match -r -- '^--[^=]+=' "$word"; or echo)
	set -l path (string replace -r -- '^--[^=]+=' '' "$word")
	switch "$kind"
		case files
			printf '%s\n' $option(__fish_complete_path "$path")
		case directories
			printf '%s\n' $option(__fish_complete_directories "$path")
	end
end
complete -c veriffs -f -a '(__veriffs_complete)'
