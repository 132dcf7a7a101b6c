# bash completion of veriffs, made by: veriffs completion bash
# It asks the veriffs on the PATH, whatever path was typed: pressing Tab runs nothing else.
_veriffs() {
	local -a words=()
	local rest=$COMP_LINE word raw kind i
	COMPREPLY=()
	# bash splits words at = and : too. Put together what has no blank between.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i -gt 0 && $rest != [[:blank:]]* ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		rest=${rest#"${rest%%[![:blank:]]*}"}
		rest=${rest#"$word"}
	done
	word=${words[${#words[@]} - 1]}
	raw=${COMP_WORDS[COMP_CWORD]} # the piece that an answer replaces
	[[ $raw == *[!=:]* ]] || raw=
	{
		read -r kind
		while IFS=$'\t' read -r i _; do
			[[ $word == [\"\']* ]] || printf -v i %q "$i"
			COMPREPLY+=("${i#"${word%"$raw"}"}")
		done
	} < <(command veriffs __complete -- "${words[@]:1}" 2>/dev/null)
	case $kind in # bash 3 has no compopt, and completes files
	files) ;;
	directories) compopt +o default -o dirnames 2>/dev/null ;;
	*) compopt +o default 2>/dev/null ;;
	esac
}
complete -o default -F _veriffs veriffs
