#include "CStellarLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <unistd.h>

// linux/magic.h has it, in kernel headers newer than those some distributions ship.
#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

// 256 KiB: these threads call a handful of functions, and the default of 8 MiB counts against a container's limits.
static const size_t stack_bytes = 256 * 1024;

struct job {
    int (*body)(struct job *);
    const char *path;
    int domain, type, protocol;
    int result;
};

static void *run(void *argument) {
    struct job *job = argument;
    job->result = job->body(job);
    return NULL;
}

// Runs the job on a thread of its own and waits for it.
static int on_thread(struct job *job) {
    pthread_attr_t attributes;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return -error;
    error = pthread_attr_setstacksize(&attributes, stack_bytes);
    if (error == 0) error = pthread_create(&thread, &attributes, run, job);
    pthread_attr_destroy(&attributes);
    if (error != 0) return -error;
    pthread_join(thread, NULL);
    return job->result;
}

static int loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, "lo", sizeof "lo");
    int result = 0;
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
        result = -errno;
    } else {
        request.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) result = -errno;
    }
    close(fd);
    return result;
}

static int create_body(struct job *job) {
    if (unshare(CLONE_NEWNET) < 0) return -errno;
    int result = loopback_up();
    if (result < 0) return result;
    // Not /proc/self/ns/net: that is the main thread's namespace.
    char own[64];
    snprintf(own, sizeof own, "/proc/%ld/task/%ld/ns/net", (long)getpid(), (long)syscall(SYS_gettid));
    if (mount(own, job->path, "none", MS_BIND, NULL) < 0) return -errno;
    return 0;
}

int CStellar_netns_create(const char *path) {
    struct job job = {.body = create_body, .path = path};
    return on_thread(&job);
}

static int enter(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int result = setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static int socket_body(struct job *job) {
    int result = enter(job->path);
    if (result < 0) return result;
    int fd = socket(job->domain, job->type | SOCK_CLOEXEC, job->protocol);
    return fd < 0 ? -errno : fd;
}

int CStellar_netns_socket(const char *path, int domain, int type, int protocol) {
    struct job job = {.body = socket_body, .path = path, .domain = domain, .type = type, .protocol = protocol};
    return on_thread(&job);
}

int CStellar_netns_probe(const char *path) {
    struct statfs information;
    if (statfs(path, &information) < 0) return -errno;
    return (unsigned long)information.f_type == NSFS_MAGIC ? 1 : 0;
}

int CStellar_mount_shared(const char *path) {
    if (mount(path, path, "none", MS_BIND, NULL) < 0) return -errno;
    if (mount("none", path, NULL, MS_SHARED, NULL) < 0) {
        int error = errno;
        umount2(path, MNT_DETACH);
        return -error;
    }
    return 0;
}

int CStellar_unmount(const char *path) {
    return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

static int netlink_options(int fd) {
    if (fd < 0) return fd;
    int on = 1;
    // Both only sharpen error messages and checks: an older kernel without them still works.
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int CStellar_netlink_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? -errno : netlink_options(fd);
}

int CStellar_netlink_socket_in(const char *path) {
    return netlink_options(CStellar_netns_socket(path, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

int CStellar_socket_timeout(int fd, uint32_t milliseconds) {
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ? -errno : 0;
}

int CStellar_netlink_send(int fd, const void *bytes, size_t count) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent;
    do {
        sent = sendto(fd, bytes, count, 0, (struct sockaddr *)&kernel, sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return -errno;
    return (size_t)sent == count ? 0 : -EIO;
}

ssize_t CStellar_netlink_receive(int fd, void *bytes, size_t capacity, uint32_t *sender) {
    struct sockaddr_nl from;
    memset(&from, 0, sizeof from);
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t received;
    do {
        received = recvmsg(fd, &message, MSG_TRUNC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    *sender = from.nl_pid;
    return received;
}

int CStellar_memory_file(const void *bytes, size_t count) {
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd < 0) return -errno;
    size_t written = 0;
    while (written < count) {
        ssize_t result = pwrite(fd, (const char *)bytes + written, count - written, (off_t)written);
        if (result < 0 && errno == EINTR) continue;
        if (result <= 0) {
            int error = result < 0 ? errno : EIO;
            close(fd);
            return -error;
        }
        written += (size_t)result;
    }
    return fd;
}

int CStellar_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest) {
    return -posix_spawn_file_actions_addclosefrom_np(actions, lowest);
}
