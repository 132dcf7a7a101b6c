#compdef veriffs
# zsh completion of veriffs, made by: veriffs completion zsh
# It asks the veriffs on the PATH, whatever path was typed: pressing Tab runs nothing else.
_veriffs() {
	local -a lines values
	local line kind
	lines=("${(@f)$(command veriffs __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
	kind=$lines[1]
	for line in $lines[2,-1]; do
		values+=("${${${line%%$'\t'*}//\\/\\\\}//:/\\:}:${line#*$'\t'}")
	done
	(( ! $#values )) || _describe -t values veriffs values
	[[ $PREFIX != --*=* ]] || compset -P '*='
	case $kind in
	files) _files ;;
	directories) _directories ;;
	esac
}
[[ $zsh_eval_context[-1] == loadautofunc ]] && _veriffs "$@" || compdef _veriffs veriffs
