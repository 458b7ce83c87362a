# What the checks of the adapters share, which read it with `.` (POSIX sh). Whatever is not here is asked for, and skipped aloud.

# Whether the dependencies of a workspace are here. A lock file that is out of date ends the check.
fetch() { # MANIFEST WHAT
    message=$(cargo fetch --locked -q --manifest-path "$1" 2>&1) && return
    case $message in
    *"lock file"*)
        echo "FAILED: $2: $1 has a Cargo.lock that is out of date: $message"
        exit 1
        ;;
    esac
    echo "skipped: $2: its dependencies are not available"
    return 1
}

# Installs a program with its own versions, or with the newest if those are not available.
install() { # CRATE ROOT
    cargo install -q --debug --locked --root "$2" "$1" >/dev/null 2>&1 || cargo install -q --debug --root "$2" "$1" >/dev/null 2>&1
}

has_target() { # TARGET
    [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ] || rustup -q target add "$1" >/dev/null 2>&1
}
