#compdef eventbus
# Completion of eventbus in zsh. Load it with: source <(eventbus completion zsh)
_eventbus() {
	local line
	local -a found candidates
	found=("${(@f)$(eventbus complete --shell zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ $words[CURRENT] == --*=* ]]; then compset -P '*='; fi
	case ${found[1]} in
	:files) _files; return ;;
	:dirs) _files -/; return ;;
	'') return 1 ;;
	esac
	for line in "${found[@]}"; do
		candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	_describe -t eventbus eventbus candidates
}
if [[ ${funcstack[1]} == _eventbus ]]; then _eventbus "$@"; else compdef _eventbus eventbus; fi
