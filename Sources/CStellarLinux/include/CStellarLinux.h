#pragma once

// The few system calls that Swift cannot make itself: variadic ones, and those that must run on a thread of their own.
// Functions return 0 or a value on success and -errno on failure. No policy, no output.

// Exported for their constants (RTM_*, IFLA_*, IFA_*, RTA_*, NLM_F_*).
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
// lgetxattr(2), which the Glibc module leaves out.
#include <sys/xattr.h>

// A network namespace belongs to a thread. Each of these does its work on a thread that it starts and joins, so the
// caller's thread never changes its namespace.

/// Makes a new network namespace, brings its loopback interface up and binds the namespace onto the existing file `path`.
int CStellar_netns_create(const char *path);

/// Opens a socket inside the network namespace at `path` and returns its descriptor, which belongs to the caller. A socket
/// stays in the namespace where it was made.
int CStellar_netns_socket(const char *path, int domain, int type, int protocol);

/// 1 when `path` is a network namespace bound there, 0 when it is another kind of file, -errno when it cannot be read.
int CStellar_netns_probe(const char *path);

/// Binds `path` onto itself and makes the mount shared, so that an unmount under it reaches every mount namespace that
/// holds a copy.
int CStellar_mount_shared(const char *path);

/// umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW).
int CStellar_unmount(const char *path);

/// A blocking rtnetlink socket in the caller's namespace: CLOEXEC, address given by the kernel, extended
/// acknowledgements and strict dump checking on where the kernel has them.
int CStellar_netlink_socket(void);

/// The same inside the namespace at `path`.
int CStellar_netlink_socket_in(const char *path);

/// Bounds how long a receive may wait. 0 milliseconds: for ever.
int CStellar_socket_timeout(int fd, uint32_t milliseconds);

/// Sends the whole message to the kernel.
int CStellar_netlink_send(int fd, const void *bytes, size_t count);

/// Receives one datagram. `sender` gets its port id (the kernel is 0). Returns its true length, which is above `capacity`
/// when it was cut.
ssize_t CStellar_netlink_receive(int fd, void *bytes, size_t capacity, uint32_t *sender);

/// A file in memory holding these bytes, read from its beginning: what a child gets as its standard input without anyone
/// writing to a pipe. Returns its descriptor (CLOEXEC).
int CStellar_memory_file(const void *bytes, size_t count);

/// posix_spawn_file_actions_addclosefrom_np(3), which the Glibc module leaves out: the child gets no descriptor from
/// `lowest` on.
int CStellar_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest);

// The numbers of system calls that /proc/PID/syscall shows, which differ between architectures.
static const long CStellar_SYS_NANOSLEEP = SYS_nanosleep;
static const long CStellar_SYS_CLOCK_NANOSLEEP = SYS_clock_nanosleep;
