# SPDX-License-Identifier: MIT
# fish completion for gcstress. It asks the program what there is, so that it knows every version's commands and options.

function __gcstress_command
    set -l words (commandline -opc)
    echo $words[2]
end

# A word for each long option of the command; one that has a value ends with "=", behind which approaches are listed.
function __gcstress_options
    set -l options (gcstress (__gcstress_command) --help 2>/dev/null | sed -nE 's/^ +(-.,|) +(--[a-z-]+)\[?(=[A-Z]+)?\]?( .*)?$/\2\3/p')
    for option in $options
        string replace -r '=.*' '=' -- $option
        if string match -q -- '--approach=*' $option
            gcstress list --names | cut -s -d ' ' -f 2- | tr ' ' '\n' | sort -u | string replace -r '^' -- '--approach='
        end
    end
end

# What the command takes besides its options.
function __gcstress_takes
    gcstress (__gcstress_command) --help 2>/dev/null | head -n 1 | string match -q "*$argv[1]*"
end

complete -c gcstress -f
complete -c gcstress -n __fish_use_subcommand -a "(gcstress --help | sed -nE 's/^  ([a-z]+)  +(.*)/\1\t\2/p')"
complete -c gcstress -n __fish_use_subcommand -l help -l version
complete -c gcstress -n 'not __fish_use_subcommand' -a '(__gcstress_options)'
complete -c gcstress -n 'not __fish_use_subcommand; and __gcstress_takes SCENARIO' -a "(gcstress list --names | cut -d ' ' -f 1)"
complete -c gcstress -n 'not __fish_use_subcommand; and __gcstress_takes FILE' -F
