/* A player over UDP in C: the other end of `cargo run --example udp`.
 *
 *   udp [--wire compact|classic] [--me 0|1] [--port PORT] [--peer-port PORT] [--frames N]
 *
 * Both players press buttons that follow from a hash of player, epoch and frame, so each can check every input that it
 * receives. Exit status: 0 if the first N inputs of the peer were delivered once each and are those that it pushed. */

#define _DEFAULT_SOURCE /* clock_gettime in strict C */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h> /* getrandom: Linux and the BSDs; elsewhere arc4random_buf or BCryptGenRandom */
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "inputwire.h"

enum { FRAME_US = 16667, SECOND = 1000000, MAX_FRAMES = 100000 };

/* Memory for the session: any that is aligned and large enough. */
static _Alignas(IW_SESSION_ALIGN) unsigned char memory[4096];
static unsigned char received[MAX_FRAMES];

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec / 1000;
}

static uint64_t mix(uint64_t number) {
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

/* A player's buttons in a frame, as in examples/udp/game.rs. */
static uint8_t input_of(uint32_t player, uint32_t epoch, uint32_t frame) {
    return (uint8_t)mix(mix((uint64_t)player << 32 | epoch) ^ frame / 8);
}

static void check(iw_status status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, iw_status_text(status));
        exit(1);
    }
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void usage(const char *option) {
    fprintf(stderr,
            "%s: no such option, or not with this value\n"
            "usage: udp [--wire compact|classic] [--me 0|1] [--port PORT] [--peer-port PORT] [--frames N]\n"
            "player 1 by default; player N listens on port 7000 + N of this machine and sends to that of the other one\n",
            option);
    exit(2);
}

int main(int count, char **arguments) {
    uint32_t me = 1, wire = IW_COMPACT, frames = 600;
    int port = -1, peer_port = -1;
    for (int i = 1; i < count; i += 2) {
        const char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (value == NULL) usage(name);
        else if (!strcmp(name, "--wire") && !strcmp(value, "compact")) wire = IW_COMPACT;
        else if (!strcmp(name, "--wire") && !strcmp(value, "classic")) wire = IW_CLASSIC;
        else if (!strcmp(name, "--me") && (!strcmp(value, "0") || !strcmp(value, "1"))) me = (uint32_t)atoi(value);
        else if (!strcmp(name, "--port")) port = atoi(value);
        else if (!strcmp(name, "--peer-port")) peer_port = atoi(value);
        else if (!strcmp(name, "--frames")) frames = (uint32_t)atoi(value);
        else usage(name);
    }
    uint32_t other = 1 - me;
    struct sockaddr_in local = loopback(port < 0 ? 7000 + (int)me : port);
    struct sockaddr_in remote = loopback(peer_port < 0 ? 7000 + (int)other : peer_port);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (udp < 0 || bind(udp, (struct sockaddr *)&local, sizeof local) ||
        connect(udp, (struct sockaddr *)&remote, sizeof remote)) {
        perror("socket");
        return 1;
    }
    fprintf(stderr, "player %u at port %d waits for player %u at port %d\n", me, ntohs(local.sin_port), other, ntohs(remote.sin_port));
    if (iw_abi_version() != IW_ABI_VERSION || iw_session_size(1, 1) > sizeof memory || frames > MAX_FRAMES) {
        fprintf(stderr, "library and program do not match\n");
        return 1;
    }

    iw_config config;
    check(iw_config_default(&config), "defaults");
    config.local_player = me;
    config.frame_us = FRAME_US;
    if (getrandom(&config.incarnation, sizeof config.incarnation, 0) != sizeof config.incarnation) {
        perror("getrandom");
        return 1;
    }
    config.incarnation |= UINT64_C(1) << 63; /* Numbers below 2^32 are refused, since they look like no random ones. */
    iw_session *session;
    check(iw_session_init(memory, sizeof memory, 1, 1, &config, &session), "session");
    uint32_t peer;
    check(iw_session_add_peer(session, now_us(), wire, other, 0, NULL, &peer), "peer");

    uint32_t epoch = 0, pushed = 0, delivered = 0, wrong = 0;
    int connected = 0, closing = 0;
    iw_status refused = IW_STATUS_OK;
    uint64_t next_step = 0, received_at = now_us(), give_up_at = now_us() + 60 * (uint64_t)SECOND;
    for (;;) {
        uint64_t now = now_us();
        if (connected && !closing && pushed < frames && now >= next_step) {
            uint8_t input = input_of(me, epoch, pushed);
            iw_status status = iw_session_push_input(session, now, &input, 1, NULL, NULL);
            if (status == IW_STATUS_OK) pushed++;
            else if (status != IW_STATUS_WINDOW_FULL) check(status, "push");
            next_step += FRAME_US;
        }
        check(iw_session_handle_timeout(session, now), "timeout");

        iw_event event;
        while (iw_session_poll_event(session, &event) == IW_STATUS_OK) {
            switch (event.kind) {
            case IW_EVENT_KIND_INPUT:
                received_at = now;
                /* The peer plays on until both have finished: later frames do not count. */
                if (event.frame >= frames) break;
                if (received[event.frame] || event.input[0] != input_of(other, epoch, event.frame)) wrong++;
                if (!received[event.frame]) delivered++;
                received[event.frame] = 1;
                break;
            case IW_EVENT_KIND_CONNECTED:
                connected = 1;
                next_step = now;
                break;
            case IW_EVENT_KIND_PEER_CLOSED:
                give_up_at = now + SECOND / 4;
                break;
            case IW_EVENT_KIND_FLUSHED: /* at each pause */
                break;
            default:
                fprintf(stderr, "player %u: %s\n", other, iw_event_text(event.kind));
            }
        }
        uint8_t datagram[IW_MAX_DATAGRAM_SIZE];
        size_t length;
        uint32_t to;
        while (iw_session_poll_transmit(session, datagram, sizeof datagram, &length, &to) == IW_STATUS_OK)
            (void)!send(udp, datagram, length, 0); /* If the socket is full, the inputs are sent again later. */
        uint32_t is_closed = 0;
        check(iw_session_is_closed(session, &is_closed), "closed");
        if (is_closed) break; /* The peer has every input, and the goodbyes are sent. */

        /* Stay until the peer has every input and, as the classic wire acknowledges nothing, for a second of silence. */
        uint32_t unacked = 0;
        iw_peer_unacked(session, peer, &unacked);
        int done = pushed == frames && delivered == frames && unacked == 0 && now - received_at >= SECOND;
        if (!closing && (done || now >= give_up_at)) {
            closing = 1;
            check(iw_session_close(session, now), "close");
            continue;
        }

        uint64_t wake, until = connected && pushed < frames && !closing ? next_step : now + SECOND / 10;
        if (iw_session_poll_timeout(session, &wake) == IW_STATUS_OK && wake < until) until = wake;
        now = now_us();
        struct pollfd waiting = {.fd = udp, .events = POLLIN};
        poll(&waiting, 1, until > now ? (int)((until - now) / 1000) + 1 : 0);
        ssize_t size;
        while ((size = recv(udp, datagram, sizeof datagram, MSG_DONTWAIT)) >= 0)
        {
            iw_status status = iw_session_handle_datagram(session, now_us(), peer, datagram, (size_t)size);
            /* The session counts the refused ones. Before there is a connection the reason tells why there is none. */
            if (status < 0 && status != refused && !connected) fprintf(stderr, "refused: %s\n", iw_status_text(status));
            if (status < 0) refused = status;
        }
    }
    if (!connected) fprintf(stderr, "player %u has not answered at port %d for a minute\n", other, ntohs(remote.sin_port));

    iw_stats stats;
    check(iw_peer_stats(session, peer, &stats), "stats");
    printf("pushed=%u delivered=%u wrong=%u sent=%llu received=%llu rtt_us=%llu\n", pushed, delivered, wrong,
           (unsigned long long)stats.packets_sent, (unsigned long long)stats.packets_received,
           (unsigned long long)stats.rtt_smoothed_us);
    return pushed == frames && delivered == frames && wrong == 0 ? 0 : 1;
}
