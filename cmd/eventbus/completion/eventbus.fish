# Completion of eventbus in fish. Load it with: eventbus completion fish | source
function __eventbus_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l found (eventbus complete --shell fish -- $before[2..] "$word" 2>/dev/null)
    switch "$found[1]"
        case :files
            __fish_complete_path "$word"
        case :dirs
            __fish_complete_directories "$word"
        case '*'
            printf '%s\n' $found
    end
end
complete -c eventbus -f -a '(__eventbus_complete)'
