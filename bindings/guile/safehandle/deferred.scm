;; SPDX-License-Identifier: MIT
;; What the library's threads have left for Guile to do: releases that are written in Scheme, and events to tell of. It
;; is done at the end of the next call that uses a handle, on whichever thread that is, or after the next collection,
;; where Guile runs after-gc-hook; at the latest when the process exits.
(define-module (safehandle deferred)
  #:use-module (safehandle primitives)
  #:use-module (ice-9 match)
  #:export (run-deferred))

(define (warn message)
  (display (string-append ";;; warning: " message "\n") (current-warning-port)))

(define (warn-of type message)
  (warn (string-append message " (" (symbol->string type) ")")))

(define (exception->text key arguments)
  (call-with-output-string
    (lambda (port)
      (print-exception port #f key arguments))))

;; One that raises counts as failed, and is not tried again. quit is no failure: the answer is #f, or how to quit.
(define (release kind raw)
  (catch #t
    (lambda ()
      ((%kind-release kind) raw)
      #f)
    (lambda (key . arguments)
      (cond ((eq? key 'quit) (lambda () (apply throw key arguments)))
            (else
             (warn-of 'SH_EVENT_RELEASE_FAILED
                      (string-append "The " (handle-kind-name kind) " " (number->string raw)
                                     " could not be released, since its kind's release raised an exception: "
                                     (string-trim-right (exception->text key arguments))))
             #f)))))

;; All of them, also when one quits: the first that did is answered.
(define (release-all quit)
  (match (%take-release)
    ((kind . raw)
     (let ((this-quit (release kind raw)))
       (release-all (or quit this-quit))))
    (#f quit)))

(define (tell-all)
  (match (%take-event)
    ((type . message) (warn-of type message) (tell-all))
    (#f #f)
    (untold
     (warn-of 'SH_EVENT_DROPPED
              (string-append (number->string untold) " events found no room, since nobody came to tell of them.")))))

;; True inside of itself: a release that uses handles of its own does not nest; what it leaves is done after it.
(define running? (make-thread-local-fluid #f))

;; Where a release escapes by a continuation, the rest is left for the next time.
(define (do-deferred)
  (let ((done? #f))
    (dynamic-wind
      (lambda () #f)
      (lambda ()
        (with-fluids ((running? #t))
          (let again ((quit #f))
            (cond ((%begin-deferred)
                   (let ((quit (release-all quit)))
                     (tell-all)
                     (again quit)))
                  (else
                   (set! done? #t)
                   quit)))))
      (lambda ()
        (unless done? (%announce-deferred))))))

(define (run-deferred)
  "Do now what would be done at the end of the next call that uses a handle: call the releases of dropped handles
that are written in Scheme, and write warnings of events."
  (unless (fluid-ref running?)
    (let ((quit (do-deferred)))
      (when quit (quit)))))

;; Each for itself: one whose handle is closed must not keep the others from it.
(define (flush port)
  (when (and (output-port? port) (not (port-closed? port)))
    (catch #t
      (lambda () (force-output port))
      (lambda (key . arguments)
        (warn (string-append "What was written to a port is lost: "
                             (string-trim-right (exception->text key arguments))))))))

;; What is in the buffers of ports goes through their handles, which are open until now.
(define (end timeout-ms)
  (port-for-each flush)
  (%end-ports)
  (run-deferred)
  (%unload-domain #f timeout-ms)
  (run-deferred))

(%set-deferred! run-deferred end)
(add-hook! after-gc-hook run-deferred)
