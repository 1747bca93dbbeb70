;; SPDX-License-Identifier: MIT
;; Handles: made, read, written, duplicated, closed; what is refused; kinds; scopes.
(use-modules (safehandle) (tap) (srfi srfi-64) (ice-9 exceptions) (ice-9 receive) (rnrs bytevectors)
             ((oop goops) #:select (make class-of)))

(test-begin "handles")

(define path (temporary-file))
(define (contents)
  (call-with-input-file path (lambda (port) ((@ (ice-9 textual-ports) get-string-all) port))))

;; ---- files, pipes, sockets, events ----------------------------------------------------------------------------------

(let ((h (open-handle path (logior O_RDWR O_CREAT O_TRUNC) #o600)))
  (test-assert "a handle is one" (handle? h))
  (test-assert "a number is none" (not (handle? 7)))
  (test-equal "a string is written as UTF-8" 7 (handle-write h "grüße"))
  (test-equal "a bytevector is written" 2 (handle-write h #vu8(33 10)))
  (test-equal "mode is used" #o600 (stat:perms (stat path)))
  (test-assert "an open handle is not closed" (not (handle-closed? h)))
  (test-equal "close answers that it is released" #t (close-handle h))
  (test-equal "once more, too" #t (close-handle h))
  (test-assert "a closed handle is" (handle-closed? h)))
(test-equal "all of it is in the file" "grüße!\n" (contents))

(let ((h (open-handle path "r")))
  (test-equal "at most as many as asked for" #vu8(103 114) (handle-read h 2))
  (test-equal "as many as there are" 7 (bytevector-length (handle-read h 100)))
  (test-assert "at the end, the eof object" (eof-object? (handle-read h 100)))
  (test-equal "of nothing, nothing" #vu8() (handle-read h 0))
  (close-handle h))

(receive (reader writer) (pipe-handles)
  (test-equal "pipes are pipes" (list pipe-kind pipe-kind) (map handle-kind (list reader writer)))
  (let* ((big (make-bytevector 1000000 7))
         (thread ((@ (ice-9 threads) call-with-new-thread)
                  (lambda ()
                    (let loop ((sum 0))
                      (let ((bytes (handle-read reader 65536)))
                        (if (eof-object? bytes) sum (loop (+ sum (bytevector-length bytes))))))))))
    (test-equal "all is written, however often that takes" 1000000 (handle-write writer big))
    (close-handle writer)
    (test-equal "and read" 1000000 ((@ (ice-9 threads) join-thread) thread)))
  (close-handle reader))

(receive (reader writer) (pipe-handles O_NONBLOCK)
  (let ((written (handle-write writer (make-bytevector 1000000 7))))
    (test-assert "a full pipe that does not block takes fewer" (< 0 written 1000000)))
  (test-equal "and then refuses" EAGAIN
              (catch 'system-error
                (lambda () (handle-write writer "x"))
                (lambda arguments (system-error-errno arguments))))
  (for-each close-handle (list reader writer)))

(let ((h (socket-handle AF_UNIX SOCK_STREAM)))
  (test-eq "sockets are sockets" socket-kind (handle-kind h))
  (close-handle h))

(let ((h (event-handle 3)))
  (test-equal "an event counts" 3 (bytevector-u64-native-ref (handle-read h 8) 0))
  (close-handle h))

;; ---- duplicates, wrapped descriptors --------------------------------------------------------------------------------

(let* ((h (open-handle path "r"))
       (copy (duplicate-handle h)))
  (close-handle h)
  (test-assert "a duplicate lives on" (bytevector? (handle-read copy 3)))
  (test-assert "for itself" (not (handle-closed? copy)))
  (close-handle copy))

(let* ((fd (open-fdes path O_RDONLY))
       (h (wrap-handle fd)))
  (test-eq "what is wrapped is a descriptor" fd-kind (handle-kind h))
  (test-equal "and keeps its number" fd (call-with-lease h (lambda (leased) leased)))
  (test-assert "a descriptor has one owner" (guard (e ((handle-owned-error? e) #t)) (wrap-handle fd)))
  (close-handle h)
  (test-equal "closing it closes the descriptor" 0 (open-count (list fd))))

(let ((h (wrap-handle (open-fdes path O_RDONLY) 'file)))
  (test-eq "a symbol names a kind" file-kind (handle-kind h))
  (test-assert "a file is a file" (handle-is-a? h file-kind))
  (test-assert "and a descriptor" (handle-is-a? h 'fd))
  (test-assert "and no socket" (not (handle-is-a? h socket-kind)))
  (close-handle h))

;; ---- what is refused ------------------------------------------------------------------------------------------------

(define closed (let ((h (open-handle path "r"))) (close-handle h) h))
(test-equal "guard knows a closed handle, and who was refused" 'handle-read
            (guard (e ((handle-closed-error? e) (exception-origin e))) (handle-read closed 1)))
(test-equal "so does catch" 'handle-closed-error
            (catch 'handle-closed-error (lambda () (handle-write closed "x")) (lambda (key . rest) key)))
(test-assert "it is an error of handles, and an error"
  (guard (e (#t (and (handle-error? e) (error? e)))) (duplicate-handle closed)))
(test-equal "with the library's name for it" 'SH_E_CLOSED
            (guard (e ((handle-error? e) (handle-error-status e))) (call-with-lease closed identity)))
(test-assert "that says what to do"
  (string-contains (guard (e (#t (exception-message e))) (handle-read closed 1)) "open a new one"))
(test-assert "and is printed like one of Guile's own"
  (string-contains (call-with-output-string
                     (lambda (port)
                       (catch #t
                         (lambda () (handle-read closed 1))
                         (lambda (key . arguments) (print-exception port #f key arguments)))))
                   "In procedure handle-read: The handle"))
(test-equal "what the system refuses is a system-error" ENOENT
            (catch 'system-error
              (lambda () (open-handle "/nonexistent/file" "r"))
              (lambda arguments (system-error-errno arguments))))
(test-error "what is no handle is a wrong argument" 'wrong-type-arg (handle-read 7 1))
(test-error "what is no kind, too" 'wrong-type-arg (wrap-handle 7 'no-such-kind))
(test-error "and a mode that is none" 'out-of-range (open-handle path "rw"))
(test-assert "minus one is no descriptor"
  (guard (e ((handle-error? e) (eq? 'SH_E_INVALID (handle-error-status e)))) (wrap-handle -1)))

;; ---- kinds of one's own ---------------------------------------------------------------------------------------------

(define released '())
(define thing-kind
  (make-handle-kind "thing" #:invalid 'zero-or-minus-one
                    #:release (lambda (raw) (set! released (cons raw released)))
                    #:duplicate (lambda (raw) (+ raw 100))))
(define big-thing-kind (make-handle-kind "big thing" #:base thing-kind))

(let ((h (wrap-handle 42 thing-kind)))
  (test-equal "a thing has its kind" "thing" (handle-kind-name (handle-kind h)))
  (test-assert "it is no descriptor"
    (guard (e ((handle-kind-error? e) #t)) (handle-read h 1)))
  (let ((copy (duplicate-handle h)))
    (test-equal "it is duplicated in Scheme" 142 (call-with-lease copy identity))
    (close-handle copy))
  (close-handle h)
  (test-equal "close returns when it was released in Scheme" '(42 142) released))
(test-assert "zero is none"
  (guard (e ((handle-error? e) #t)) (wrap-handle 0 thing-kind)))

(let ((h (wrap-handle 43 big-thing-kind)))
  (test-eq "a kind has its base" thing-kind (handle-kind-base big-thing-kind))
  (test-assert "it is accepted for its base" (handle-is-a? h thing-kind))
  (close-handle h)
  (test-equal "and released as its base is" 43 (car released)))

(let* ((closed-number #f)
       (log-kind (make-handle-kind "log" #:base file-kind
                                   #:release (lambda (fd) (set! closed-number fd) (close-fdes fd))))
       (h (wrap-handle (open-fdes path O_RDONLY) log-kind))
       (fd (call-with-lease h identity)))
  (test-assert "a kind of descriptors can be read" (bytevector? (handle-read h 1)))
  (close-handle h)
  (test-equal "and is released in Scheme" (list fd 0) (list closed-number (open-count (list fd)))))

(test-assert "a release that raises is a warning"
  (string-contains (lines-of (lambda ()
                               (close-handle (wrap-handle 5 (make-handle-kind "bad thing" #:release
                                                                              (lambda (raw) (error "no luck" raw)))))))
                   "The bad thing 5 could not be released"))

(let ((h (wrap-handle 44 (make-handle-kind "chain" #:release
                                           (lambda (raw)
                                             (when (< raw 46) (close-handle (wrap-handle (+ raw 1) thing-kind))))))))
  (close-handle h)
  (test-equal "a release may use handles" 45 (car released)))

;; Two that are released together: the first one leaves.
(define (after-leaving leave)
  (let* ((seen '())
         (kind (make-handle-kind "leaver" #:release (lambda (raw)
                                                      (set! seen (cons raw seen))
                                                      (when (= 1 (length seen)) (leave))))))
    (catch 'quit
      (lambda () (with-handle-domain (wrap-handle 1 kind) (wrap-handle 2 kind) (wrap-handle 3 kind) #t))
      (lambda _ (set! seen (cons 'quit seen))))
    (run-deferred)
    (reverse seen)))
(test-equal "a release that quits leaves none behind, and quits" '(1 2 3 quit)
            (let ((seen (after-leaving (lambda () (quit 3)))))
              (append (sort (list-head seen 3) <) (list-tail seen 3))))
(test-equal "one that escapes leaves the rest for the next time" 3
            (let* ((seen 0) (kind #f))
              ((@ (ice-9 control) call/ec) (lambda (out)
                         (set! kind (make-handle-kind "escaper" #:release (lambda (raw)
                                                                            (set! seen (+ seen 1))
                                                                            (when (= seen 1) (out #f)))))
                         (with-handle-domain
                          (wrap-handle 1 kind) (wrap-handle 2 kind) (wrap-handle 3 kind))))
              (run-deferred)
              seen))

;; In the child nothing of the parent's is released: what a release has left is noted when the fork comes.
(test-equal "a child forgets what its parent has noted" '(0 2)
            (let* ((seen 0)
                   (child #f)
                   (kind (make-handle-kind "forked" #:release
                                           (lambda (raw)
                                             (set! seen (+ seen 1))
                                             (when (= seen 1)
                                               (let ((pid (primitive-fork)))
                                                 (when (= pid 0)
                                                   (primitive-_exit (if ((@@ (safehandle deferred) %take-release))
                                                                        1 0)))
                                                 (set! child (status:exit-val (cdr (waitpid pid))))))))))
              (with-handle-domain (wrap-handle 1 kind) (wrap-handle 2 kind))
              (run-deferred)
              (list child seen)))

(define long-name (string-append "x" (make-string 40 #\ä)))
(test-assert "a message that is cut off within a character is told all the same"
  (let ((h (wrap-handle 3 (make-handle-kind long-name #:release identity))))
    (guard (e ((handle-error? e) (string? (exception-message e))))
      ((handle-procedure "int close(file in)") h))))
(test-assert "whatever is cut off"
  (and-map (lambda (count)
             (guard (e ((handle-error? e) (string? (exception-message e))))
               (handle-procedure (string-append (make-string count #\x) (make-string 200 #\ä) " f()"))))
           '(0 1 2 3)))

(test-equal "a duplicate that finds its domain closed is released" '(closed (8))
            (let* ((freed '()) (again #f) (rounds 0) (answer #f)
                   (kind (make-handle-kind "late" #:release (lambda (raw) (set! freed (cons raw freed)))
                                           #:duplicate (lambda (raw) (+ raw 1))))
                   (h (wrap-handle 7 kind)))
              (set! answer
                    (guard (e ((handle-closed-error? e) 'closed))
                      (with-handle-domain
                       (call/cc (lambda (k) (set! again k)))
                       (set! rounds (+ rounds 1))
                       (when (> rounds 1) (duplicate-handle h)))))
              (when (< rounds 2) (again #f))
              (let ((seen freed))
                (close-handle h)
                (list answer seen))))
(test-error "a release is a procedure" 'wrong-type-arg (make-handle-kind "odd" #:release 7))
(test-error "a duplicate, too" 'wrong-type-arg (make-handle-kind "odd" #:release identity #:duplicate 7))
(test-error "an object of the class that nobody has made a handle" 'misc-error
            (with-handle ((h (open-handle path "r"))) (handle-kind (make (class-of h)))))
(test-error "a mode of ports that is none" 'out-of-range
            (with-handle ((h (open-handle path "r"))) (handle->port h "zzz")))
(test-assert "display prints it, too"
  (with-handle ((h (open-handle path "r")))
    (string-prefix? "#<handle file " (call-with-output-string (lambda (port) (display h port))))))

(test-error "a kind needs a release" 'misc-error (make-handle-kind "nothing"))

;; ---- scopes ---------------------------------------------------------------------------------------------------------

(define kept #f)
(test-equal "with-handle gives what its body gives" "gr"
            (with-handle ((h (open-handle path "r"))
                          (other (open-handle path "r")))
              (set! kept (list h other))
              (utf8->string (handle-read h 2))))
(test-equal "and closes" '(#t #t) (map handle-closed? kept))
(test-assert "after an exception, too"
  (begin
    (false-if-exception (with-handle ((h (open-handle path "r"))) (set! kept h) (error "out")))
    (handle-closed? kept)))

(test-equal "a domain releases what was made in it" '(#f #t)
            (let ((before (open-handle path "r")) (inside #f))
              (with-handle-domain (set! inside (open-handle path "r")))
              (map handle-closed? (list before inside))))
(test-equal "and not more than once" '(#t 300)
            (let ((inside #f))
              (with-handle-domain #:timeout-ms 500
                (set! inside (wrap-handle 300 thing-kind)))
              (list (handle-closed? inside) (car released))))

;; ---- at a time ------------------------------------------------------------------------------------------------------

(let ((h (open-handle path "r")))
  (test-equal "a close with a user in flight answers so" #f
              (call-with-lease h (lambda (fd) (close-handle h))))
  (test-equal "the last user has released it" #t (close-handle h 1000)))
(test-assert "it is printed with its kind and number"
  (with-handle ((h (open-handle path "r")))
    (string-prefix? "#<handle file " (object->string h))))

(delete-file path)
(test-end "handles")
(exit-as-tap)
