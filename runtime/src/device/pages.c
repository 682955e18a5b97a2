/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Addresses of a GPU that get memory page by page, as a cache fills: its capacity costs nothing until it is used, and
 * it never moves, so that recorded launches stay true. In: ranges. Out: memory behind them. Pages are the driver's, 2
 * MB on all cards so far. Cost: four driver calls a page. Source: CUDA Driver API, "Virtual Memory Management". Tested
 * by test/unit/runtime/DevicePagesTest.cpp.
 */
#include "runtime/src/device/internal.h"

#include <stdlib.h>

// FRESH: mapped by the call that is under way.
enum { ABSENT, PRESENT, FRESH };

struct lmoptp_pages {
  lmoptp_device_t *device;
  const char *what;
  CUdeviceptr address;
  uint64_t page_bytes, count, mapped;
  CUmemGenericAllocationHandle *handles; // [count]
  uint8_t *states;                       // [count]
};

static CUmemAllocationProp properties_of(const lmoptp_device_t *device) {
  return (CUmemAllocationProp){.type = LMOPTP_MEMORY_PINNED, .location = {LMOPTP_LOCATION_DEVICE, device->device}};
}

static CUdeviceptr address_of(const lmoptp_pages_t *pages, uint64_t page) {
  return pages->address + page * pages->page_bytes;
}

/*===--- Making and unmaking ---===*/

static lmopt_status_t ask_page_size(lmoptp_pages_t *pages, lmopt_error_t *error) {
  lmoptp_device_t *device = pages->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUmemAllocationProp properties = properties_of(device);
  size_t bytes = 0;
  CUresult code = device->driver.cuMemGetAllocationGranularity(&bytes, &properties, 0);
  status = lmoptp_leave(device, code, "asking for its page size", error);
  pages->page_bytes = bytes;
  return status;
}

static lmopt_status_t make_books(lmoptp_pages_t *pages, uint64_t bytes, lmopt_error_t *error) {
  pages->count = bytes / pages->page_bytes + (bytes % pages->page_bytes != 0);
  pages->count += pages->count == 0; // the driver reserves no 0 bytes
  pages->handles = calloc(pages->count, sizeof *pages->handles);
  pages->states = calloc(pages->count, sizeof *pages->states);
  return pages->handles && pages->states ? LMOPT_OK : lmoptp_fail_memory(error, pages->count * 9, pages->what);
}

static lmopt_status_t reserve(lmoptp_pages_t *pages, lmopt_error_t *error) {
  lmoptp_device_t *device = pages->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  uint64_t bytes = pages->count * pages->page_bytes;
  CUresult code = device->driver.cuMemAddressReserve(&pages->address, bytes, 0, 0, 0);
  if (code != LMOPTP_CUDA_OUT_OF_MEMORY)
    return lmoptp_leave(device, code, "reserving addresses", error);
  lmoptp_pop(device);
  // Out of addresses: what memory is free is beside the point.
  return lmoptp_fail_device(device, error, LMOPT_ERROR_RESOURCE, "out of addresses: %s needs %llu bytes", pages->what,
                            (unsigned long long)bytes);
}

lmopt_status_t lmoptp_pages_create(lmoptp_device_t *device, uint64_t bytes, const char *what, lmoptp_pages_t **out,
                                   lmopt_error_t *error) {
  lmoptp_pages_t *pages = calloc(1, sizeof *pages);
  if (!pages)
    return lmoptp_fail_memory(error, sizeof *pages, what);
  pages->device = device;
  pages->what = what;
  lmoptp_device_retain(device);
  lmopt_status_t status = ask_page_size(pages, error);
  if (!status)
    status = make_books(pages, bytes, error);
  if (!status)
    status = reserve(pages, error);
  if (status)
    lmoptp_pages_destroy(pages);
  else
    *out = pages;
  return status;
}

static void drop_page(lmoptp_pages_t *pages, uint64_t page) {
  pages->device->driver.cuMemUnmap(address_of(pages, page), pages->page_bytes);
  pages->device->driver.cuMemRelease(pages->handles[page]);
  pages->states[page] = ABSENT;
  pages->mapped -= pages->page_bytes;
}

void lmoptp_pages_destroy(lmoptp_pages_t *pages) {
  if (!pages)
    return;
  lmoptp_device_t *device = pages->device;
  bool is_current = lmoptp_enter_cleanup(device);
  lmoptp_wait_for_all(device); // nobody may still be using them
  for (uint64_t page = 0; pages->mapped && page < pages->count; ++page)
    if (pages->states[page] != ABSENT)
      drop_page(pages, page);
  if (pages->address)
    device->driver.cuMemAddressFree(pages->address, pages->count * pages->page_bytes);
  lmoptp_leave_cleanup(device, is_current);
  lmoptp_device_release(device);
  free(pages->handles);
  free(pages->states);
  free(pages);
}

lmoptp_address_t lmoptp_pages_address(const lmoptp_pages_t *pages) { return pages->address; }
uint64_t lmoptp_pages_mapped(const lmoptp_pages_t *pages) { return pages->mapped; }

/*===--- Mapping ---===*/

// The pages that [offset, offset + bytes) touches, or that it covers: [*first, *end).
static lmopt_status_t find_range(const lmoptp_pages_t *pages, uint64_t offset, uint64_t bytes, bool touched,
                                 uint64_t *first, uint64_t *end, lmopt_error_t *error) {
  uint64_t size = pages->page_bytes, limit = pages->count * size, last;
  if (__builtin_add_overflow(offset, bytes, &last) || last > limit)
    return lmoptp_fail_device(pages->device, error, LMOPT_ERROR_INTERNAL, "%s: bytes %llu + %llu of %llu", pages->what,
                              (unsigned long long)offset, (unsigned long long)bytes, (unsigned long long)limit);
  *first = touched ? offset / size : (offset + size - 1) / size;
  *end = touched ? (last + size - 1) / size : last / size;
  if (bytes == 0)
    *end = *first;
  return LMOPT_OK;
}

// The page may be there also when this fails: settle() drops it.
static CUresult map_page(lmoptp_pages_t *pages, uint64_t page) {
  const lmoptp_driver_t *driver = &pages->device->driver;
  CUmemAllocationProp properties = properties_of(pages->device);
  CUmemAccessDesc access = {properties.location, LMOPTP_ACCESS_READ_WRITE};
  CUdeviceptr address = address_of(pages, page);
  CUmemGenericAllocationHandle handle;
  CUresult code = driver->cuMemCreate(&handle, pages->page_bytes, &properties, 0);
  if (code)
    return code;
  code = driver->cuMemMap(address, pages->page_bytes, 0, handle, 0);
  if (code) {
    driver->cuMemRelease(handle);
    return code;
  }
  pages->handles[page] = handle;
  pages->states[page] = FRESH;
  pages->mapped += pages->page_bytes;
  return driver->cuMemSetAccess(address, pages->page_bytes, &access, 1);
}

// Bytes that pages [first, end) still lack.
static uint64_t missing_bytes(const lmoptp_pages_t *pages, uint64_t first, uint64_t end) {
  uint64_t missing = 0;
  for (uint64_t page = first; page < end; ++page)
    missing += pages->states[page] == ABSENT ? pages->page_bytes : 0;
  return missing;
}

// What this call has mapped stays, or goes again.
static void settle(lmoptp_pages_t *pages, uint64_t first, uint64_t end, bool stays) {
  for (uint64_t page = first; page < end; ++page)
    if (pages->states[page] == FRESH && stays)
      pages->states[page] = PRESENT;
    else if (pages->states[page] == FRESH)
      drop_page(pages, page);
}

lmopt_status_t lmoptp_pages_map(lmoptp_pages_t *pages, uint64_t offset, uint64_t bytes, lmopt_error_t *error) {
  lmoptp_device_t *device = pages->device;
  uint64_t first = 0, end = 0, missing;
  lmopt_status_t status = find_range(pages, offset, bytes, true, &first, &end, error);
  if (!status)
    status = lmoptp_device_check(device, error);
  if (status || (missing = missing_bytes(pages, first, end)) == 0)
    return status;
  status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = LMOPTP_CUDA_SUCCESS;
  for (uint64_t page = first; page < end && !code; ++page)
    if (pages->states[page] == ABSENT)
      code = map_page(pages, page);
  settle(pages, first, end, code == LMOPTP_CUDA_SUCCESS);
  return lmoptp_leave_memory(device, code, missing, pages->what, error);
}

lmopt_status_t lmoptp_pages_unmap(lmoptp_pages_t *pages, uint64_t offset, uint64_t bytes, lmopt_error_t *error) {
  lmoptp_device_t *device = pages->device;
  uint64_t first = 0, end = 0;
  lmopt_status_t status = find_range(pages, offset, bytes, false, &first, &end, error);
  if (!status)
    status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = lmoptp_wait_for_all(device);
  for (uint64_t page = first; page < end && !code; ++page)
    if (pages->states[page] != ABSENT)
      drop_page(pages, page);
  return lmoptp_leave(device, code, "waiting before pages are given back", error);
}
