;; SPDX-License-Identifier: MIT
;; C functions with handles: what goes in, what comes out, what is refused, and what a failure leaves.
(use-modules (safehandle) (tap) (srfi srfi-64) (ice-9 exceptions) (ice-9 threads) (ice-9 receive) (rnrs bytevectors)
             (system foreign) (srfi srfi-1))

(test-begin "procedures")

(define c-open (handle-procedure "file open(string path, int flags, u32 mode) errno"))
(define c-read (handle-procedure "isize read(fd in, bytes out[n, return], usize n) fails negative blocking errno"))
(define c-write (handle-procedure "isize write(fd in, bytes in[n], usize n) fails negative blocking errno"))
(define c-close (handle-procedure "int close(fd consume) fails negative errno"))
(define c-abs (handle-procedure "int abs(int)"))
(define c-fcntl (handle-procedure "int fcntl(fd in, int command, long argument) fails negative errno"))
(define c-lseek (handle-procedure "isize lseek(file in, isize offset, int whence) fails negative errno"))

;; ---- plain values ---------------------------------------------------------------------------------------------------

(test-equal "numbers" 7 (c-abs -7))
(test-equal "real numbers" 8.0 ((handle-procedure "f64 pow(f64, f64)" "libm.so.6") 2 3))
(test-equal "a function by its address" 9
            ((handle-procedure "int twice_plus_one(int)"
                               (procedure->pointer int (lambda (n) (+ n n 1)) (list int)))
             4))
(test-equal "a pointer" 2
            (let* ((bytes #vu8(1 2 3 4)) (start (bytevector->pointer bytes)))
              (- (pointer-address ((handle-procedure "pointer memchr(pointer, int, usize)") start 3 4))
                 (pointer-address start))))
(test-equal "nothing" *unspecified* ((handle-procedure "void tzset()")))
(test-equal "a struct by value" 3
            (let ((bytes (make-bytevector 8)))
              (bytevector-s32-native-set! bytes 0 10)
              (bytevector-s32-native-set! bytes 4 3)
              ((handle-procedure "int second({i32 first, i32 second})"
                                 (procedure->pointer int (lambda (s) (cadr (parse-c-struct s (list int32 int32))))
                                                     (list (list int32 int32))))
               bytes)))
(test-error "a number out of range" 'out-of-range (c-abs (expt 2 40)))
(test-error "too few arguments" 'wrong-number-of-args (c-abs))
(test-error "a string where a number is asked for" 'wrong-type-arg (c-abs "7"))
(test-equal "it has the function's name" 'abs (procedure-name c-abs))

;; ---- handles and bytes ----------------------------------------------------------------------------------------------

(define h (c-open "/dev/zero" O_RDWR 0))
(test-eq "a returned handle has its kind" file-kind (handle-kind h))
(test-equal "bytes come out, as many as there are" #vu8(0 0 0) (c-read h 3))
(test-equal "bytes go in, and say their length" 5 (c-write h "12345"))
(test-equal "an int that says something is a result" O_RDWR (logand 3 (c-fcntl h F_GETFL 0)))

(call-with-values
    (lambda ()
      ((handle-procedure "int openpty(file out, file out, pointer, pointer, pointer) fails negative errno") #f #f #f))
  (lambda (result . handles)
    (test-equal "the result comes first" 0 result)
    (for-each close-handle handles)))

(call-with-values
    (lambda ()
      ((handle-procedure "int openpty(file out, file out, pointer, pointer, pointer) fails nonzero errno") #f #f #f))
  (lambda handles
    (test-equal "a result that only tells of failures is left out" (list file-kind file-kind) (map handle-kind handles))
    (for-each close-handle handles)))

(test-equal "a number comes out" 5
            (let ((event (event-handle 5)))
              (receive (result count)
                  ((handle-procedure "int eventfd_read(event in, u64 out) fails negative errno") event)
                (close-handle event)
                count)))
(test-equal "bytes go in and come out" #vu8(1 3 2)
            (receive (result bytes)
                ((handle-procedure "int swap(bytes inout[n], usize n)"
                                   (procedure->pointer int
                                                       (lambda (pointer n)
                                                         (let ((bytes (pointer->bytevector pointer n)))
                                                           (bytevector-u8-set! bytes 1 3)
                                                           (bytevector-u8-set! bytes 2 2)
                                                           0))
                                                       (list '* size_t)))
                 #vu8(1 2 3))
              bytes))

(let ((same ((handle-procedure "void keep(file inout)" (procedure->pointer void (lambda (place) #f) '(*))) h)))
  (test-eq "an inout handle that did not change is the same object" h same))
(let* ((other (open-fdes "/dev/null" O_RDONLY))
       (changed ((handle-procedure "void exchange(file inout)"
                                   (procedure->pointer void
                                                       (lambda (place)
                                                         (bytevector-s32-native-set! (pointer->bytevector place 4)
                                                                                     0 other))
                                                       '(*)))
                 h)))
  (test-assert "one that did is a new one" (and (not (eq? h changed)) (= other (call-with-lease changed identity))))
  (test-assert "and the old one is open still" (not (handle-closed? h)))
  (close-handle changed))

;; The pointer object is what keeps the procedure: nobody else here holds it.
(define (clobber n)
  (when (> n 0) (make-list 2000 n) (clobber (- n 1))))
(test-equal "a procedure of Scheme's lives as long as what calls it" (iota 20 1000)
            (let ((callers (map (lambda (n)
                                  (handle-procedure "int f(int)"
                                                    (procedure->pointer int (lambda (i) (+ i 1000)) (list int))))
                                (iota 20))))
              (clobber 100) (gc) (usleep 50000) (gc)
              (let ((others (map (lambda (n) (procedure->pointer int (lambda (i) -7) (list int))) (iota 300))))
                (let ((seen (map (lambda (f i) (f i)) callers (iota 20))))
                  (and (= 300 (length others)) seen)))))

;; Lengths: a callee is given no more than what was agreed.
(define two-of-one-length
  (handle-procedure "int two(bytes inout a[n], bytes in b[n], usize n)"
                    (procedure->pointer int (lambda (a b n) n) (list '* '* size_t))))
(test-error "two bytevectors of one length that differ" 'misc-error
            (two-of-one-length (make-bytevector 1 0) (make-bytevector 50 65)))
(test-error "the longer one first" 'misc-error (two-of-one-length (make-bytevector 50 0) #vu8()))
(test-equal "two that do not" 3 (receive (n bytes) (two-of-one-length #vu8(1 2 3) #vu8(4 5 6)) n))
(define short-length
  (handle-procedure "int short(bytes in p[n], i8 n)"
                    (procedure->pointer int (lambda (p n) n) (list '* int8))))
(test-error "a length that does not fit into its type" 'out-of-range (short-length (make-bytevector 200 0)))
(test-equal "one that does" 127 (short-length (make-bytevector 127 0)))

;; The callee's new descriptor is nobody's when the call has failed, and is closed.
(let ((other (open-fdes "/dev/null" O_RDONLY)))
  (test-error "an inout handle that changed although the call failed" 'handle-error
              ((handle-procedure "int spoil(file inout) fails negative"
                                 (procedure->pointer int
                                                     (lambda (place)
                                                       (bytevector-s32-native-set! (pointer->bytevector place 4)
                                                                                   0 other)
                                                       -1)
                                                     '(*)))
               h))
  (test-equal "is closed, and the old one is not" '(0 #f) (list (open-count (list other)) (handle-closed? h))))

;; ---- handles that are consumed --------------------------------------------------------------------------------------

(let* ((given (c-open "/dev/null" O_RDONLY 0))
       (fd (call-with-lease given identity)))
  (test-equal "close consumes" 0 (c-close given))
  (test-equal "and it is closed, once" '(#t 0) (list (handle-closed? given) (open-count (list fd)))))

(define refuse
  (handle-procedure "int refuse(fd consume) fails negative" (procedure->pointer int (lambda (fd) -1) (list int))))
(let* ((given (c-open "/dev/null" O_RDONLY 0))
       (fd (call-with-lease given identity)))
  (test-error "a callee that fails" 'handle-error (refuse given))
  (test-equal "gives it back, in the same object" (list #f fd)
              (list (handle-closed? given) (call-with-lease given identity)))
  (test-assert "one that is in use is not consumed"
    (guard (e ((handle-error? e) #t))
      (call-with-lease given (lambda (fd) (c-close given)))))
  (test-assert "and stays open" (not (handle-closed? given)))
  (close-handle given))

;; ---- kinds of one's own ---------------------------------------------------------------------------------------------

(define released '())
(define thing-kind
  (make-handle-kind "thing" #:invalid 0 #:release (lambda (raw) (set! released (cons raw released)))))
(define make-thing
  (handle-procedure "thing make_thing(isize)" (procedure->pointer intptr_t (lambda (n) n) (list intptr_t))
                    #:kinds (list thing-kind)))
(define end-thing
  (handle-procedure "int end_thing(thing consume)" (procedure->pointer int (lambda (n) 0) (list intptr_t))
                    #:kinds (list thing-kind)))
(let ((thing (make-thing 71)))
  (test-eq "a handle of one's own kind comes out" thing-kind (handle-kind thing))
  (close-handle thing)
  (test-equal "and is released in Scheme" '(71) released))
(end-thing (make-thing 72))
(test-equal "one that was consumed is not" '(71) released)
(test-error "an invalid one is a failure" 'handle-error (make-thing 0))

;; ---- what is refused ------------------------------------------------------------------------------------------------

(define (message-of thunk)
  (guard (e ((handle-error? e) (exception-message e))) (thunk) "nothing was refused"))

(define closed (let ((h (c-open "/dev/null" O_RDONLY 0))) (close-handle h) h))
(test-assert "a closed handle" (guard (e ((handle-closed-error? e) #t)) (c-read closed 1)))
(test-assert "a handle of another kind, and which was wanted"
  (let ((event (event-handle)))
    (string-contains (message-of (lambda () (c-lseek event 0 SEEK_SET))) "file")))
(test-error "a number instead of a handle" 'wrong-type-arg (c-read 0 1))
(test-error "what fails says why" 'system-error (c-open "/nonexistent" O_RDONLY 0))
(test-equal "with errno" ENOENT
            (catch 'system-error (lambda () (c-open "/nonexistent" O_RDONLY 0))
              (lambda arguments (system-error-errno arguments))))
(test-assert "a wrong signature, with a caret"
  (string-contains (message-of (lambda () (handle-procedure "isise f(int)"))) "^"))
(test-assert "bytes of which nobody knows how many"
  (string-contains (message-of (lambda () (handle-procedure "void f(bytes out)"))) "how many"))
(test-assert "two kinds of one's own out of one function"
  (let ((other-kind (make-handle-kind "other" #:release identity)))
    (string-contains (message-of (lambda ()
                                   (handle-procedure "void f(thing out, other out)"
                                                     #:kinds (list thing-kind other-kind))))
                     "two different kinds")))
(test-error "a function that is not there" 'misc-error (handle-procedure "int no_such_function()"))

;; ---- beside other threads -------------------------------------------------------------------------------------------

(receive (reader writer) (pipe-handles)
  (let ((thread (call-with-new-thread
                 (lambda () (guard (e ((handle-closed-error? e) 'closed)) (c-read reader 1))))))
    (usleep 20000)
    (close-handle reader 10000)
    (test-eq "a call that is blocked is woken when its handle is closed" 'closed (join-thread thread)))
  (close-handle writer))

(test-equal "eight threads call through one procedure" (iota 8)
            (map join-thread
                 (map (lambda (n)
                        (call-with-new-thread
                         (lambda ()
                           (let loop ((i 0))
                             (when (< i 500)
                               (c-read h 16)
                               (close-handle (c-open "/dev/null" O_RDONLY 0))
                               (when (= 0 (modulo i 100)) (gc))
                               (loop (+ i 1))))
                           n)))
                      (iota 8))))

(close-handle h)
(test-end "procedures")
(exit-as-tap)
