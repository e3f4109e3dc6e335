# Completion of eventbus in bash. Load it with: source <(eventbus completion bash)
_eventbus() {
	local IFS=$'\n' line
	local -a found=($(eventbus complete --shell bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
	COMPREPLY=()
	case ${found[0]-} in
	:files) compopt -o default ;;
	:dirs) compopt -o dirnames ;;
	*)
		for line in "${found[@]}"; do
			COMPREPLY+=("$(printf '%q' "${line%%$'\t'*}")")
		done
		;;
	esac
}
complete -F _eventbus eventbus
