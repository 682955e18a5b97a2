/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How much CPU time the control groups of this process grant it: what `docker run --cpus` and limits of Kubernetes set.
 * In: /proc/self/cgroup, /proc/self/mountinfo, and of each group from the process's own up to the one where its
 * hierarchy is mounted cpu.max (version 2), or cpu.cfs_quota_us and cpu.cfs_period_us (version 1). Out: CPUs, the
 * least of all limits.
 *
 * A container may see only its own part of a hierarchy: what is mounted is then a group deep in it (the fourth field of
 * mountinfo), while /proc/self/cgroup names groups from the top. So the first is taken off the second.
 *
 * Source: cgroups(7), proc(5), the kernel's documentation: admin-guide/cgroup-v2, scheduler/sched-bwc. Cost: two files
 * and one or two for each group. Tested by test/unit/runtime/HostTest.cpp.
 */
#include "runtime/src/platform/host.h"

#include "runtime/src/platform/support.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V1, V2, VERSIONS };

// A line of mountinfo: the part of a hierarchy below `group` is seen at `point`.
typedef struct {
  char group[PATH_MAX];
  char point[PATH_MAX];
  int version;
} mount_t;

// What a version has to say of CPU time: the group of the process, and the folder where it can be seen. That path stays
// longer than `top` on the way up.
typedef struct {
  char group[PATH_MAX]; // "": none
  char folder[PATH_MAX];
  size_t top;
  enum { UNSEEN, ABOVE, EXACT } seen; // ABOVE: the folder is the nearest that can be seen
} hierarchy_t;

static double less(double quota, double other) { return !quota || (other && other < quota) ? other : quota; }

/*===--- Limits of one group ---===*/

// Of "max", "-1" and whatever is no number of microseconds: 0.
static double parse_us(const char *text) {
  return isdigit((unsigned char)*text) ? (double)strtoull(text, NULL, 10) : 0;
}

static double ratio(double quota_us, double period_us) { return period_us ? quota_us / period_us : 0; }

// "250000 100000\n"
static double read_v2(const char *folder) {
  char text[128];
  if (!lmoptp_read_text(text, sizeof text, "%s/cpu.max", folder))
    return 0;
  const char *period = strchr(text, ' ');
  return period ? ratio(parse_us(text), parse_us(period + 1)) : 0;
}

static double read_v1(const char *folder) {
  char quota[64], period[64];
  if (!lmoptp_read_text(quota, sizeof quota, "%s/cpu.cfs_quota_us", folder) ||
      !lmoptp_read_text(period, sizeof period, "%s/cpu.cfs_period_us", folder))
    return 0;
  return ratio(parse_us(quota), parse_us(period));
}

// The group's own limit and those of all groups above it that can be seen.
static double read_upwards(hierarchy_t *hierarchy, int version) {
  double quota = 0;
  for (;;) {
    quota = less(quota, version == V2 ? read_v2(hierarchy->folder) : read_v1(hierarchy->folder));
    char *last = strrchr(hierarchy->folder, '/');
    if (!last || last < hierarchy->folder + hierarchy->top)
      return quota;
    *last = 0;
  }
}

/*===--- Where they are ---===*/

static bool list_has(const char *list, const char *item) {
  size_t length = strlen(item);
  for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
    if (strncmp(list, item, length) == 0 && (list[length] == ',' || list[length] == 0))
      return true;
  return false;
}

// mountinfo writes blanks and backslashes in three octal digits, "\040".
static void decode(char *text) {
  char *out = text;
  for (const char *in = text; *in; ++out) {
    bool coded = *in == '\\' && strspn(in + 1, "01234567") >= 3;
    *out = coded ? (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + in[3] - '0') : *in;
    in += coded ? 4 : 1;
  }
  *out = 0;
}

// A line of mountinfo: "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu". False: the mount
// has nothing to say of CPU time.
static bool parse_mount(char *line, mount_t *mount) {
  _Static_assert(PATH_MAX == 4096, "the widths below");
  char type[16], options[512];
  char *rest = strstr(line, " - ");
  if (!rest || sscanf(rest, " - %15s %*s %511s", type, options) != 2)
    return false;
  mount->version = strcmp(type, "cgroup2") == 0 ? V2 : V1;
  if (mount->version == V1 && (strcmp(type, "cgroup") != 0 || !list_has(options, "cpu")))
    return false;
  if (sscanf(line, "%*s %*s %*s %4095s %4095s", mount->group, mount->point) != 2)
    return false;
  decode(mount->group);
  decode(mount->point);
  return true;
}

// What is left of the path of a group below that of another, "" or "/a/b"; NULL: it is not below it.
static const char *below(const char *path, const char *group) {
  if (strstr(path, "/..")) // outside of what this process may see
    return NULL;
  size_t length = strcmp(group, "/") == 0 ? 0 : strlen(group);
  if (strncmp(path, group, length) != 0 || (path[length] && path[length] != '/'))
    return NULL;
  return strcmp(path + length, "/") == 0 ? "" : path + length;
}

static bool place(const char *root, const mount_t *mount, const char *rest, hierarchy_t *out) {
  int length = snprintf(out->folder, sizeof out->folder, "%s%s%s", root, mount->point, rest);
  out->top = strlen(root) + strlen(mount->point);
  return length > 0 && (size_t)length < sizeof out->folder;
}

// A mount that shows the group itself is what we want. Where none does, the top of the first one is the nearest above.
static void look_at_mount(const char *root, const mount_t *mount, hierarchy_t *hierarchy) {
  if (!*hierarchy->group || hierarchy->seen == EXACT)
    return;
  const char *rest = below(hierarchy->group, mount->group);
  if (rest && place(root, mount, rest, hierarchy))
    hierarchy->seen = EXACT;
  else if (hierarchy->seen == UNSEEN && place(root, mount, "", hierarchy))
    hierarchy->seen = ABOVE;
}

// A line of /proc/self/cgroup: "0::/a/b" of version 2, "4:cpu,cpuacct:/a/b" of version 1.
static void look_at_group(char *line, hierarchy_t hierarchies[VERSIONS]) {
  line[strcspn(line, "\n")] = 0;
  char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group)
    return;
  *group++ = 0;
  int version = *++controllers ? V1 : V2;
  if ((version == V2 || list_has(controllers, "cpu")) && strlen(group) < sizeof hierarchies->group)
    strcpy(hierarchies[version].group, group);
}

static void read_process(const char *root, hierarchy_t hierarchies[VERSIONS]) {
  FILE *groups = lmoptp_open_text("%s/proc/self/cgroup", root);
  FILE *mounts = groups ? lmoptp_open_text("%s/proc/self/mountinfo", root) : NULL;
  char *line = NULL;
  size_t capacity = 0;
  mount_t mount;
  while (mounts && getline(&line, &capacity, groups) > 0)
    look_at_group(line, hierarchies);
  while (mounts && getline(&line, &capacity, mounts) > 0)
    if (parse_mount(line, &mount))
      look_at_mount(root, &mount, &hierarchies[mount.version]);
  free(line);
  if (groups)
    fclose(groups);
  if (mounts)
    fclose(mounts);
}

double lmoptp_host_quota(const char *root) {
  hierarchy_t hierarchies[VERSIONS] = {0};
  read_process(root, hierarchies);
  double quota = 0;
  for (int version = V1; version < VERSIONS; ++version) // a machine may have both at once
    if (hierarchies[version].seen != UNSEEN)
      quota = less(quota, read_upwards(&hierarchies[version], version));
  return quota;
}
