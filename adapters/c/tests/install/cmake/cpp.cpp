// The header in C++: two sessions in one process exchange 600 inputs each way.

#include <inputwire.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

namespace {

class Session {
public:
    Session(std::uint32_t player, std::uint64_t incarnation)
        : memory_(static_cast<std::uint8_t *>(operator new(iw_session_size(1, 2), std::align_val_t{IW_SESSION_ALIGN}))) {
        iw_config config;
        check(iw_config_default(&config));
        config.session_id = 7;
        config.local_player = player;
        config.incarnation = incarnation;
        check(iw_session_init(memory_.get(), iw_session_size(1, 2), 1, 2, &config, &session_));
        std::uint32_t peer = 0;
        check(iw_session_add_peer(session_, 0, IW_COMPACT, 1 - player, 0, nullptr, &peer));
    }

    operator iw_session *() const { return session_; }

    static void check(iw_status status) {
        if (status >= 0) return;
        std::fprintf(stderr, "%s\n", iw_status_text(status));
        std::exit(1);
    }

private:
    struct Free {
        void operator()(std::uint8_t *memory) const { operator delete(memory, std::align_val_t{IW_SESSION_ALIGN}); }
    };
    std::unique_ptr<std::uint8_t, Free> memory_;
    iw_session *session_ = nullptr;
};

} // namespace

int main() {
    // In an application, incarnations are drawn by the operating system.
    Session sessions[] = {{0, 0x123456789abcdef0}, {1, 0x0fedcba987654321}};
    unsigned delivered[2] = {}, pushed[2] = {};
    bool connected[2] = {};
    for (std::uint64_t now = 0; now < 60'000'000 && (delivered[0] < 600 || delivered[1] < 600); now += 16'667) {
        for (unsigned player = 0; player < 2; player++) {
            std::uint8_t input[2] = {static_cast<std::uint8_t>(pushed[player]), static_cast<std::uint8_t>(player)};
            if (connected[player] && pushed[player] < 600 &&
                iw_session_push_input(sessions[player], now, input, 2, nullptr, nullptr) == IW_STATUS_OK)
                pushed[player]++;
            Session::check(iw_session_handle_timeout(sessions[player], now));
            std::uint8_t datagram[IW_MAX_DATAGRAM_SIZE];
            std::size_t length;
            std::uint32_t to;
            while (iw_session_poll_transmit(sessions[player], datagram, sizeof datagram, &length, &to) == IW_STATUS_OK)
                Session::check(iw_session_handle_datagram(sessions[1 - player], now, 0, datagram, length));
            iw_event event;
            while (iw_session_poll_event(sessions[player], &event) == IW_STATUS_OK) {
                connected[player] |= event.kind == IW_EVENT_KIND_CONNECTED;
                if (event.kind != IW_EVENT_KIND_INPUT) continue;
                if (event.frame != delivered[player] || event.input[0] != static_cast<std::uint8_t>(event.frame) ||
                    event.input[1] != 1 - player)
                    return 1;
                delivered[player]++;
            }
        }
    }
    std::printf("C++: delivered=%u and %u\n", delivered[0], delivered[1]);
    return delivered[0] == 600 && delivered[1] == 600 ? 0 : 1;
}
