/* SPDX-License-Identifier: MIT */
/*
 * What a declaration needs so that C, C++ and the linker agree on it. Nothing here runs.
 */
#ifndef SAFEHANDLE_EXPORT_H
#define SAFEHANDLE_EXPORT_H

#ifdef __cplusplus
#define SH_BEGIN_DECLARATIONS extern "C" {
#define SH_END_DECLARATIONS }
#else
#define SH_BEGIN_DECLARATIONS
#define SH_END_DECLARATIONS
#endif

#if defined(__GNUC__)
#define SH_API __attribute__((visibility("default")))
#define SH_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SH_API
#define SH_MUST_CHECK
#endif

/* What is called more often than all the rest: straight through the address that the dynamic linker has filled in,
 * instead of by a jump through the linkage table. Where the compiler can: gcc. */
#if defined(__has_attribute)
#if __has_attribute(noplt)
#define SH_CALLED_OFTEN __attribute__((noplt))
#endif
#endif
#ifndef SH_CALLED_OFTEN
#define SH_CALLED_OFTEN
#endif

#endif
