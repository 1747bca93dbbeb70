# SPDX-License-Identifier: MIT
# bash completion for gcstress. It asks the program what there is, so that it knows every version's commands and options.

# "NAME" or "NAME=VALUE" for each long option of a command.
_gcstress_options() {
    "$1" "$2" --help 2>/dev/null | sed -nE 's/^ +(-.,|) +(--[a-z-]+)\[?(=[A-Z]+)?\]?( .*)?$/\2\3/p'
}

_gcstress_values() {
    local program=$1 command=$2 option=$3 word=$4
    case $(_gcstress_options "$program" "$command" | grep -e "^$option=") in
    --approach=*)
        mapfile -t COMPREPLY < <(compgen -W "$("$program" list --names | cut -s -d ' ' -f 2-)" -- "$word" | sort -u) ;;
    *=FILE) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    *=DIRECTORY) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    *=*) ;; # a number: nobody can guess it
    *) return 1 ;;
    esac
}

_gcstress() {
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]}
    local before=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words=$("$program" --help 2>/dev/null | sed -nE 's/^  ([a-z]+)  .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$word")
        return
    fi
    # The shell takes --approach=intptr for three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $before == --* ]] && _gcstress_values "$program" "$command" "$before" "$word"; then
        return
    fi
    if [[ $word == -* ]]; then
        words=$(_gcstress_options "$program" "$command" | sed 's/=.*/=/')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
        return
    fi
    case $("$program" "$command" --help 2>/dev/null | head -n 1) in
    *SCENARIO*) mapfile -t COMPREPLY < <(compgen -W "$("$program" list --names | cut -d ' ' -f 1)" -- "$word") ;;
    *FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}

complete -F _gcstress gcstress
