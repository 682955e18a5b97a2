// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads a team gets by default, over folders that look like /proc and /sys of other machines: cores with and
// without siblings, CPU quotas of both versions of control groups wherever they may stand, and files that are missing
// or make no sense. What the sizes mean stands in runtime/include/lmopt/lmopt.h.
#include "Fixture.h"

#include "runtime/src/platform/host.h"

#include <thread>

using namespace lmopt::test;

namespace {

/// A folder with files like those of /proc and /sys.
class Machine {
public:
  Machine() {
    std::string name = (std::filesystem::temp_directory_path() / "lmopt-host-XXXXXX").string();
    root = mkdtemp(name.data());
  }
  ~Machine() { std::filesystem::remove_all(root); }
  Machine(const Machine &) = delete;
  Machine &operator=(const Machine &) = delete;

  void write(const std::string &name, const std::string &text) const {
    std::filesystem::path path = root + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void writeCore(int cpu, const std::string &siblings, const std::string &name = "core_cpus_list") const {
    write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + name, siblings);
  }
  /// `cpus` CPUs; CPU i and CPU i + cpus/2 are one core, as Intel and AMD count them.
  void writePairs(int cpus) const {
    for (int cpu = 0; cpu < cpus; ++cpu)
      writeCore(cpu, std::to_string(cpu % (cpus / 2)) + "," + std::to_string(cpu % (cpus / 2) + cpus / 2) + "\n");
  }
  /// The process is in `group` of version 2, of which /sys/fs/cgroup shows `shown`.
  void writeV2(const std::string &group, const std::string &shown = "/") const {
    write("/proc/self/cgroup", "0::" + group + "\n");
    write("/proc/self/mountinfo", "24 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
                                  "31 24 0:28 " +
                                      shown + " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  }
  /// The same of version 1, beside version 2 for everything else, as systemd once did it.
  void writeV1(const std::string &group, const std::string &shown = "/") const {
    write("/proc/self/cgroup", "5:memory:/elsewhere\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/x\n0::/user\n");
    write("/proc/self/mountinfo",
          "31 24 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
          "32 31 0:29 /elsewhere /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
          "34 31 0:31 " +
              shown +
              " /sys/fs/cgroup/cpu,cpuacct rw shared:10 master:3 - cgroup cgroup rw,cpu,cpuacct\n"
              "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  }
  void limitV2(const std::string &folder, const std::string &limit) const {
    write("/sys/fs/cgroup" + folder + "/cpu.max", limit);
  }
  void limitV1(const std::string &folder, const std::string &quota, const std::string &period) const {
    write("/sys/fs/cgroup/cpu,cpuacct" + folder + "/cpu.cfs_quota_us", quota);
    write("/sys/fs/cgroup/cpu,cpuacct" + folder + "/cpu.cfs_period_us", period);
  }
  double quota() const { return lmoptp_host_quota(root.c_str()); }
  lmoptp_host_t read(const std::vector<int> &allowed) const {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int cpu : allowed)
      CPU_SET(static_cast<unsigned>(cpu), &set);
    return lmoptp_host_read(root.c_str(), &set);
  }
  std::string root;
};

std::vector<int> upTo(int count) {
  std::vector<int> cpus;
  for (int cpu = 0; cpu < count; ++cpu)
    cpus.push_back(cpu);
  return cpus;
}

int32_t threadsOf(int32_t cpus, int32_t cores, double quota) {
  lmoptp_host_t host{cpus, cores, quota};
  return lmoptp_host_threads(&host);
}

bool fits(int32_t cpus, double quota, int32_t threads) {
  lmoptp_host_t host{cpus, cpus, quota};
  return lmoptp_host_fits(&host, threads);
}

/*===--- The choice ---===*/

TEST(HostThreads, AreTheCoresAsFarAsTheQuotaGoes) {
  EXPECT_EQ(threadsOf(8, 8, 0), 8);
  EXPECT_EQ(threadsOf(8, 4, 0), 4);
  EXPECT_EQ(threadsOf(4, 2, 2.5), 2);
  EXPECT_EQ(threadsOf(8, 8, 2.5), 2); // rounded down: three would be stopped in the middle of a step
  EXPECT_EQ(threadsOf(8, 8, 2.999), 2);
  EXPECT_EQ(threadsOf(8, 8, 3), 3);
  EXPECT_EQ(threadsOf(8, 8, 8), 8);
  EXPECT_EQ(threadsOf(8, 8, 1e9), 8);
  EXPECT_EQ(threadsOf(8, 8, 0.25), 1);
  EXPECT_EQ(threadsOf(5000, 5000, 0), LMOPTP_MAX_THREADS);
}

TEST(HostThreads, SpinWhereAllCanRunAllTheTime) {
  EXPECT_TRUE(fits(4, 0, 4));
  EXPECT_FALSE(fits(4, 0, 5));
  EXPECT_TRUE(fits(4, 2.5, 2));
  EXPECT_FALSE(fits(4, 2.5, 3));
  for (double quota : {0.3, 1.0, 1.5, 2.0, 7.9, 64.0}) { // what is chosen by default always may
    lmoptp_host_t host{8, 4, quota};
    int32_t threads = lmoptp_host_threads(&host);
    EXPECT_TRUE(threads == 1 || lmoptp_host_fits(&host, threads)) << quota;
  }
}

/*===--- Cores ---===*/

TEST(HostCores, SiblingsCountOnce) {
  Machine machine;
  machine.writePairs(8);
  EXPECT_EQ(machine.read(upTo(8)).cpus, 8);
  EXPECT_EQ(machine.read(upTo(8)).cores, 4);
}

TEST(HostCores, OnlyAllowedCpusCount) {
  Machine machine;
  machine.writePairs(8);
  EXPECT_EQ(machine.read({0, 1}).cores, 2);       // of two cores
  EXPECT_EQ(machine.read({1, 5}).cores, 1);       // of one
  EXPECT_EQ(machine.read({4, 5, 6}).cores, 3);    // second siblings alone
  EXPECT_EQ(machine.read({0, 4, 5, 7}).cores, 3); //
  EXPECT_EQ(machine.read({}).cores, 1);           // never none
  EXPECT_EQ(machine.read({}).cpus, 1);
}

TEST(HostCores, RangesAndTheOldName) {
  Machine machine;
  for (int cpu : upTo(8)) // four threads a core, numbered side by side
    machine.writeCore(cpu, cpu < 4 ? "0-3\n" : "4-7\n", "thread_siblings_list");
  EXPECT_EQ(machine.read(upTo(8)).cores, 2);
  machine.writeCore(0, "0,2-3,5\n"); // the new name wins
  EXPECT_EQ(machine.read(upTo(8)).cores, 3);
}

TEST(HostCores, OfflineCpusAndHighNumbers) {
  Machine machine;
  machine.writeCore(0, "0\n");            // its sibling, 2, is offline and has no folder
  machine.writeCore(1, "1,3\n");          //
  machine.writeCore(3, "1,3\n");          //
  machine.writeCore(1023, "1023,2047\n"); // beyond what a set holds
  EXPECT_EQ(machine.read({0, 1, 3, 1023}).cores, 3);
  EXPECT_EQ(machine.read({0, 1, 2, 3}).cores, 3);
}

TEST(HostCores, WithoutKnowledgeEachCpuIsACore) {
  Machine machine;
  EXPECT_EQ(machine.read(upTo(6)).cores, 6);
  for (const char *garbage :
       {"", "\n", "0-", "-1", "0,,1", "0 1", "0-x", "a", "1,2", "0x1", "99999999999999999999", "0-1;"}) {
    machine.writeCore(0, garbage);
    EXPECT_EQ(machine.read({0, 1, 2}).cores, 3) << "'" << garbage << "'";
  }
  machine.writeCore(0, "0-99999999999999999999\n"); // all there are
  EXPECT_EQ(machine.read({0, 1, 2}).cores, 1);
}

/*===--- Version 2 of control groups ---===*/

TEST(HostQuotaV2, OfTheGroupAndOfThoseAbove) {
  Machine machine;
  machine.writeV2("/pod/container");
  EXPECT_EQ(machine.quota(), 0);
  machine.limitV2("/pod/container", "250000 100000\n");
  EXPECT_EQ(machine.quota(), 2.5);
  machine.limitV2("/pod", "150000 50000\n"); // more: of no account
  EXPECT_EQ(machine.quota(), 2.5);
  machine.limitV2("/pod", "20000 10000\n");
  EXPECT_EQ(machine.quota(), 2);
  machine.limitV2("", "50000 100000\n"); // the top, as it is mounted in a container
  EXPECT_EQ(machine.quota(), 0.5);
  machine.limitV2("/other", "10000 100000\n");
  EXPECT_EQ(machine.quota(), 0.5);
}

TEST(HostQuotaV2, MaxIsNoLimit) {
  Machine machine;
  machine.writeV2("/pod/container");
  machine.limitV2("/pod/container", "max 100000\n");
  EXPECT_EQ(machine.quota(), 0);
  machine.limitV2("/pod", "300000 100000\n");
  EXPECT_EQ(machine.quota(), 3);
}

TEST(HostQuotaV2, InANamespaceOfItsOwn) {
  Machine machine;
  machine.writeV2("/");
  machine.limitV2("", "400000 100000\n");
  EXPECT_EQ(machine.quota(), 4);
  machine.writeV2("/../../outside"); // of the namespace: what is mounted is the nearest that can be seen
  EXPECT_EQ(machine.quota(), 4);
}

TEST(HostQuotaV2, WhereAPartOfTheHierarchyIsMounted) {
  Machine machine;
  machine.writeV2("/docker/abc/inner", "/docker/abc");
  machine.limitV2("/inner", "200000 100000\n");
  EXPECT_EQ(machine.quota(), 2);
  machine.limitV2("", "100000 100000\n");
  EXPECT_EQ(machine.quota(), 1);
  machine.writeV2("/docker/abc", "/docker/abc");
  EXPECT_EQ(machine.quota(), 1);
  machine.writeV2("/docker/abcd", "/docker/abc"); // not below it
  EXPECT_EQ(machine.quota(), 1);
}

TEST(HostQuotaV2, TheMountThatShowsTheGroup) {
  Machine machine;
  machine.writeV2("/docker/abc");
  machine.write("/proc/self/mountinfo", "31 24 0:28 /docker/other /seen/other rw - cgroup2 cgroup2 rw\n"
                                        "32 24 0:28 /docker /seen/a\\040b rw - cgroup2 cgroup2 rw\n");
  machine.write("/seen/other/cpu.max", "100000 100000\n");
  machine.write("/seen/a b/abc/cpu.max", "300000 100000\n");
  EXPECT_EQ(machine.quota(), 3);
}

TEST(HostQuotaV2, NonsenseIsNoLimit) {
  Machine machine;
  machine.writeV2("/pod");
  for (const char *garbage :
       {"", "\n", "100000", "100000 0", "0 100000", "-1 100000", "many 100000", "100000 many", "\x80\xff 1", "1e5 x"}) {
    machine.limitV2("/pod", garbage);
    EXPECT_EQ(machine.quota(), 0) << "'" << garbage << "'";
  }
  machine.limitV2("/pod", "99999999999999999999999999 1\n"); // more than any machine has: harmless
  lmoptp_host_t host = machine.read({0, 1});
  EXPECT_EQ(lmoptp_host_threads(&host), 2);
}

/*===--- Version 1 ---===*/

TEST(HostQuotaV1, OfTheGroupAndOfThoseAbove) {
  Machine machine;
  machine.writeV1("/docker/abc");
  EXPECT_EQ(machine.quota(), 0);
  machine.limitV1("/docker/abc", "150000\n", "100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
  machine.limitV1("/docker", "50000\n", "50000\n");
  EXPECT_EQ(machine.quota(), 1);
  machine.limitV1("/docker", "-1\n", "100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
  machine.limitV1("", "-1\n", "100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
}

TEST(HostQuotaV1, WhereAPartOfTheHierarchyIsMounted) {
  Machine machine;
  machine.writeV1("/docker/abc", "/docker/abc"); // in a container of Docker
  machine.limitV1("", "350000\n", "100000\n");
  EXPECT_EQ(machine.quota(), 3.5);
}

TEST(HostQuotaV1, NonsenseIsNoLimit) {
  Machine machine;
  machine.writeV1("/docker");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(machine.quota(), 0); // without a period
  for (const char *garbage : {"", "0", "-1", "x"}) {
    machine.limitV1("/docker", "100000", garbage);
    EXPECT_EQ(machine.quota(), 0) << "'" << garbage << "'";
    machine.limitV1("/docker", garbage, "100000");
    EXPECT_EQ(machine.quota(), 0) << "'" << garbage << "'";
  }
}

TEST(HostQuota, BothVersionsAtOnce) {
  Machine machine;
  machine.writeV1("/docker");
  machine.limitV1("/docker", "400000\n", "100000\n");
  machine.write("/sys/fs/cgroup/unified/user/cpu.max", "300000 100000\n");
  EXPECT_EQ(machine.quota(), 3);
}

TEST(HostQuota, WithoutFilesOrWithNonsense) {
  Machine machine;
  EXPECT_EQ(machine.quota(), 0);
  EXPECT_EQ(lmoptp_host_quota("/nowhere/at/all"), 0);
  EXPECT_EQ(lmoptp_host_quota(std::string(5000, 'x').c_str()), 0); // longer than a path may be
  machine.writeV2("/pod");
  machine.limitV2("/pod", "100000 100000\n");
  ASSERT_EQ(machine.quota(), 1);
  for (const std::string &groups :
       {std::string(), std::string("\n"), std::string("0"), std::string("0:"), std::string(":::"), std::string("cpu"),
        std::string(9000, ':'), std::string("0::\n"), "0::/" + std::string(9000, 'a')}) {
    machine.write("/proc/self/cgroup", groups);
    EXPECT_EQ(machine.quota(), 0) << groups.substr(0, 20);
  }
  machine.writeV2("/pod");
  for (const std::string &mounts :
       {std::string(), std::string("\n"), std::string("1 2 3 - cgroup2 cgroup2 rw\n"), std::string(" - "),
        std::string("1 2 0:1 / /sys/fs/cgroup rw - cgroup2\n"),
        std::string("1 2 0:1 / /sys/fs/cgroup rw cgroup2 cgroup2 rw\n"),
        "1 2 0:1 / /" + std::string(9000, 'a') + " rw - cgroup2 cgroup2 rw\n", std::string("\x80\\0\\04 - \\040\n")}) {
    machine.write("/proc/self/mountinfo", mounts);
    EXPECT_EQ(machine.quota(), 0) << mounts.substr(0, 40);
  }
}

/*===--- This machine ---===*/

TEST(Host, OfThisProcess) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  lmoptp_host_t host = lmoptp_host();
  EXPECT_EQ(host.cpus, CPU_COUNT(&allowed));
  EXPECT_GE(host.cores, 1);
  EXPECT_LE(host.cores, host.cpus);
  EXPECT_GE(host.quota, 0);
}

TEST(Host, TeamsHaveSoManyThreadsUnlessTold) {
  lmoptp_host_t host = lmoptp_host();
  EXPECT_EQ(lmopt_team_threads(makeTeam(0).get()), lmoptp_host_threads(&host));
  EXPECT_EQ(lmopt_team_threads(makeTeam(host.cpus + 3).get()), host.cpus + 3);
}

TEST(Host, ATeamOfOneCpuHasOneThread) {
  std::thread([] { // its affinity is its own
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(lmopt_team_threads(makeTeam(0).get()), 1);
  })
      .join();
}

} // namespace
